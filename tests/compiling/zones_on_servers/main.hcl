variable "tsig_key" {
  type      = string
  sensitive = true
  default   = "hmac-sha256:portolan:c2VjcmV0"
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  rfc2136 {
    server = "192.0.2.53:53"
    key    = var.tsig_key
  }
}

dns_record "shop" {
  zone   = dns_zone.corp
  name   = "shop"
  type   = "A"
  values = ["192.0.2.1"]
}

# The same on another server is another zone.
dns_zone "inside" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  rfc2136 {
    server = "198.51.100.53:53"
  }
}

# So is the same on the same server with another key, which is that of another view.
dns_zone "view" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  rfc2136 {
    server = "192.0.2.53:53"
    key    = "inside:c2VjcmV0"
  }
}

# Not twice with one key of a server, not in two ways, and not nowhere.
dns_zone "again" {
  name        = "EXAMPLE.com."
  nameservers = ["ns1.example.net"]
  rfc2136 {
    server = "192.0.2.53:53"
    key    = "portolan:c2VjcmV0"
  }
}

dns_zone "both" {
  name        = "both.example"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out"
  }
  rfc2136 {
    server = "192.0.2.53:53"
  }
}

dns_zone "nowhere" {
  name        = "nowhere.example"
  nameservers = ["ns1.example.net"]
}
