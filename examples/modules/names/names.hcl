# A zone in a directory, with an address record for each name.

variable "domain" {
  description = "The domain of the zone."
  type        = string
}

variable "names" {
  description = "Addresses by name, relative to the domain."
  type        = map(list(string))
}

dns_zone "region" {
  name        = var.domain
  nameservers = ["ns1.example.net"]

  directory {
    path = "out"
  }
}

dns_record "name" {
  for_each = var.names

  zone   = dns_zone.region
  name   = each.key
  type   = "A"
  ttl    = 300
  values = each.value
}

output "addresses" {
  description = "Addresses by whole name."
  value       = { for name, record in dns_record.name : "${name}.${var.domain}" => record.values }
}
