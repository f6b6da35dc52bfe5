locals {
  a = range(0, 1e18)
  b = [for x in range(1e9) : x]
}
output "a" {
  value = local.a
}
