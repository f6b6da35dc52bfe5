# One module, once for each region: a zone for it, and its names.

locals {
  regions = {
    north = { domain = "north.example.com", address = "192.0.2.1" }
    east  = { domain = "east.example.com", address = "192.0.2.2" }
  }
}

module "names" {
  source   = "./names"
  for_each = local.regions

  domain = each.value.domain
  names = {
    shop = [each.value.address]
    mail = [each.value.address]
  }
}

output "names" {
  description = "All names of all regions."
  value       = merge([for region in module.names : region.addresses]...)
}
