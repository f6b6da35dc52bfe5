variable "name" {}

cluster "main" {
  directory {
    path = "out/${var.name}"
  }
}

output "cluster" {
  value = cluster.main
}
