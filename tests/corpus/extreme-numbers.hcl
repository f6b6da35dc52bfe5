locals {
  a = 1e999999999 * 1e999999999
  b = 0.1e-999999999
  c = 2 % 0
  d = pow(10, 1000000000)
}
output "all" {
  value = [local.a, local.b, local.c, local.d]
}
