dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net", "ns2"]
  ttl         = 300
  soa {
    contact = "hostmaster@example.com"
  }
  directory {
    path = "out/names"
  }
}

dns_record "shop" {
  zone   = dns_zone.corp
  name   = "shop"
  type   = "A"
  ttl    = 60
  values = ["192.0.2.80", "192.0.2.81"]
}

# The name is absolute because it has dots; the time to live is the zone's.
dns_record "www" {
  zone   = dns_zone.corp
  name   = "www"
  type   = "CNAME"
  values = ["shop.example.com"]
}

dns_record "mail" {
  zone   = dns_zone.corp
  name   = "@"
  type   = "MX"
  values = ["10 mail.example.com."]
}

dns_record "regions" {
  for_each = { east = "192.0.2.1", west = "192.0.2.2" }
  zone     = dns_zone.corp
  name     = each.key
  type     = "A"
  values   = [each.value]
}
