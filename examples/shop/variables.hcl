variable "domain" {
  description = "The domain that the shop is reached under."
  type        = string
  default     = "example.com"

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]+$", var.domain))
    error_message = "The domain is a name such as example.com, in lower case and without a dot at its end."
  }
}

variable "releases" {
  description = "The release of each part of the shop that is to run."
  type = object({
    web    = string
    api    = string
    orders = string
  })
}

variable "edge_addresses" {
  description = "The public addresses of the nginx servers."
  type        = list(string)
}

variable "order_machines" {
  description = "The virtual machines of the order database: address and port."
  type        = list(string)
}

variable "database_password" {
  description = "The password of the shop's user in the order database."
  type        = string
  sensitive   = true
}
