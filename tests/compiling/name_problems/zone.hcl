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
