# The smallest whole configuration: one resource that keeps a value, and an output.

variable "name" {
  description = "Who is greeted."
  type        = string
  default     = "world"
}

resource "terraform_data" "greeting" {
  input = "Hello, ${var.name}!"
}

output "greeting" {
  description = "The greeting, as it was recorded."
  value       = terraform_data.greeting.output
}
