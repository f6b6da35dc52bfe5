# Two servers with a copy each: whatever is written is written to both.
dns_zone "public" {
  for_each    = toset(["ns1", "ns2"])
  name        = "example.com"
  nameservers = ["ns1.example.net", "ns2.example.net"]
  owner       = "shop"
  rfc2136 {
    server = "${each.key}.example.net:53"
  }
  safety {
    max_delete = "30%"
  }
}

dns_record "shop" {
  zone   = dns_zone.public
  name   = "shop"
  type   = "A"
  values = ["192.0.2.80"]
}

# Views of one server, one for each site: the name leads to the site's own registry.
variable "registries" {
  default = {
    beijing  = "192.0.2.10"
    shanghai = "192.0.2.20"
  }
}

dns_zone "site" {
  for_each    = var.registries
  name        = "example.org"
  nameservers = ["ns1.example.net"]
  ttl         = 60
  rfc2136 {
    server = "192.0.2.53:53"
    key    = "${each.key}:c2VjcmV0"
  }
}

dns_record "registry" {
  for_each = var.registries
  zone     = dns_zone.site[each.key]
  name     = "registry"
  type     = "A"
  values   = [each.value]
}
