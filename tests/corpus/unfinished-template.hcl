locals {
  a = "${
