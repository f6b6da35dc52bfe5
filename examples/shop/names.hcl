dns_zone "corp" {
  name        = var.domain
  nameservers = ["ns1.example.net", "ns2.example.net"]

  directory {
    path = "out/names"
  }
}

# A name is published once the route of its host is there, and goes before it.
dns_record "shop" {
  zone   = dns_zone.corp
  name   = "shop"
  type   = "A"
  ttl    = 60
  values = nginx.edge.addresses
}

dns_record "www" {
  zone   = dns_zone.corp
  name   = "www"
  type   = "CNAME"
  ttl    = 300
  values = ["shop.${var.domain}."]
}

dns_record "orders" {
  zone   = dns_zone.corp
  name   = "orders"
  type   = "A"
  ttl    = 60
  values = nginx.edge.addresses
}
