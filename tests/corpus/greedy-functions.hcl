locals {
  a = format("%999999999d", 1)
  b = strrev(join("", [for x in range(1000) : "aaaaaaaaaa"]))
  c = formatlist("%s-%s", ["a"], ["b", "c"])
  d = regexall("(a*)*b", local.b)
}
output "all" {
  value = [local.a, local.c, local.d]
}
