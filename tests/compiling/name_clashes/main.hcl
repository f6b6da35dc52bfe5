dns_record "first" {
  zone   = dns_zone.corp
  name   = "www"
  type   = "A"
  values = ["192.0.2.1"]
}

# The same name, written in another way.
dns_record "second" {
  zone   = dns_zone.corp
  name   = "WWW"
  type   = "A"
  values = ["192.0.2.2"]
}

dns_record "absolute" {
  zone   = dns_zone.corp
  name   = "www.example.com."
  type   = "A"
  values = ["192.0.2.3"]
}

# An alias stands alone.
dns_record "alias" {
  zone   = dns_zone.corp
  name   = "www"
  type   = "CNAME"
  values = ["elsewhere.example.com"]
}

# Another type beside it is right.
dns_record "six" {
  zone   = dns_zone.corp
  name   = "www"
  type   = "AAAA"
  values = ["2001:db8::1"]
}
