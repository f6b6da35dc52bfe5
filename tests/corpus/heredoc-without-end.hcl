locals {
  a = <<EOT
