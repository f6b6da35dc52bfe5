dns_record "type" {
  zone   = dns_zone.corp
  name   = "a"
  type   = "cname"
  values = ["b"]
}

dns_record "apex" {
  zone   = dns_zone.corp
  name   = "@"
  type   = "CNAME"
  values = ["b"]
}

dns_record "servers" {
  zone   = dns_zone.corp
  name   = "@"
  type   = "NS"
  values = ["ns1.example.net"]
}

dns_record "quoted" {
  zone   = "example.com"
  name   = "b"
  type   = "A"
  values = ["192.0.2.1"]
}
