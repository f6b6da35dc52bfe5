locals {
  a = "\ud800"
}
