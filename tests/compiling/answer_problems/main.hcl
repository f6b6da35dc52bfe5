dns_zone "one" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/one"
  }
}

dns_zone "site" {
  for_each    = toset(["beijing", "shanghai"])
  name        = "example.org"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/${each.key}"
  }
}

# Nothing is said, or too much.
dns_record "nothing" {
  zone = dns_zone.site
  name = "nothing"
  type = "A"
}

dns_record "both" {
  zone    = dns_zone.site
  name    = "both"
  type    = "A"
  values  = ["192.0.2.1"]
  weights = { "192.0.2.2" = 1 }
}

# A view that there is not, and one of which nothing is said.
dns_record "misspelt" {
  zone    = dns_zone.site
  name    = "misspelt"
  type    = "A"
  answers = { bejing = ["192.0.2.1"], shanghai = ["192.0.2.2", "192.0.2.2"] }
}

# A zone without views.
dns_record "single" {
  zone    = dns_zone.one
  name    = "single"
  type    = "A"
  weights = { "192.0.2.1" = 2, "192.0.2.2" = 1 }
}

dns_record "fine" {
  zone    = dns_zone.site
  name    = "fine"
  type    = "A"
  weights = { "192.0.2.1" = 99, "192.0.2.2" = 1 }
}

dns_record "none" {
  zone    = dns_zone.site
  name    = "none"
  type    = "A"
  weights = { "192.0.2.1" = 0 }
}

dns_record "half" {
  zone    = dns_zone.site
  name    = "half"
  type    = "A"
  weights = { "192.0.2.1" = 0.5 }
}

# A value is written twice for one view.
dns_record "twice" {
  zone    = dns_zone.site
  name    = "twice"
  type    = "A"
  answers = { beijing = ["192.0.2.1"], shanghai = ["192.0.2.2", "192.0.2.2"] }
}
