output "address" {
  description = "Where the shop opens."
  value       = "https://shop.${var.domain}/"
}

output "names" {
  description = "Every name, and what it leads to."
  value = {
    for record in [dns_record.shop, dns_record.www, dns_record.orders] :
    "${record.name}.${dns_zone.corp.name}" => record.values
  }
}
