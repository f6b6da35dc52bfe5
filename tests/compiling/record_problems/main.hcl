dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/names"
  }
  safety {
    max_delete = "a third"
  }
}

dns_zone "four" {
  name        = "2.0.192.in-addr.arpa"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/names"
  }
}

# DNS has no weights.
dns_record "weighted" {
  zone   = dns_zone.corp
  name   = "weighted"
  type   = "A"
  values = ["192.0.2.1", "192.0.2.1", "192.0.2.2"]
}

# One name in two forms.
dns_record "unicode" {
  zone   = dns_zone.corp
  name   = "b\u00fccher"
  type   = "A"
  values = ["192.0.2.3"]
}

dns_record "ascii" {
  zone   = dns_zone.corp
  name   = "xn--bcher-kva"
  type   = "A"
  values = ["192.0.2.4"]
}

# An alias beside something else.
dns_record "alias" {
  zone   = dns_zone.corp
  name   = "shop"
  type   = "CNAME"
  values = ["www"]
}

dns_record "beside" {
  zone   = dns_zone.corp
  name   = "shop.example.com."
  type   = "TXT"
  values = ["text"]
}

# Addresses that lead back nowhere, or to two names.
dns_record "outside" {
  zone    = dns_zone.corp
  name    = "outside"
  type    = "A"
  values  = ["198.51.100.1"]
  reverse = dns_zone.four
}

dns_record "first" {
  zone    = dns_zone.corp
  name    = "first"
  type    = "A"
  values  = ["192.0.2.9"]
  reverse = dns_zone.four
}

dns_record "second" {
  zone    = dns_zone.corp
  name    = "second"
  type    = "A"
  values  = ["192.0.2.9"]
  reverse = dns_zone.four
}

dns_record "text" {
  zone    = dns_zone.corp
  name    = "text"
  type    = "TXT"
  values  = ["192.0.2.9"]
  reverse = dns_zone.four
}

# The keys of the zone itself stand above, and a zone is a block.
dns_record "keys" {
  zone   = dns_zone.corp
  name   = "@"
  type   = "DS"
  values = ["1 13 2 4b9b6b073edd97feb5bc12dc4e1b32d2c6af7ae23a293936ceb87bb10494ec44"]
}

dns_record "nowhere" {
  zone   = { a = "example.com" }
  name   = "nowhere"
  type   = "A"
  values = ["192.0.2.1"]
}
