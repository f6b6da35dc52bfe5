dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  ttl         = 300
  directory {
    path = "out/names"
  }
}

dns_zone "four" {
  name        = "2.0.192.in-addr.arpa"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/names"
  }
}

dns_zone "six" {
  name        = "8.b.d.0.1.0.0.2.ip6.arpa"
  nameservers = ["ns1.example.net"]
  ttl         = 600
  directory {
    path = "out/names"
  }
}

dns_record "mail4" {
  zone    = dns_zone.corp
  name    = "mail"
  type    = "A"
  ttl     = 60
  values  = ["192.0.2.25", "192.0.2.26"]
  reverse = dns_zone.four
}

dns_record "mail6" {
  zone    = dns_zone.corp
  name    = "mail"
  type    = "AAAA"
  values  = ["2001:db8::25"]
  reverse = dns_zone.six
}
