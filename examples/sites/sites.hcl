# Names whose answer depends on who asks: two offices and the rest of the world, each of which is a view of
# the name server. `named.conf` beside this file shows them to BIND.
#
#     portolan apply      writes the zone of each view to out/VIEW/example.org.zone

variable "views" {
  description = "The views of the name server, in the order of their names."
  type        = set(string)
  default     = ["beijing", "elsewhere", "shanghai", "tianjin"]
}

variable "registries" {
  description = "The registry of each site."
  type        = map(string)
  default = {
    beijing  = "10.1.0.5"
    shanghai = "10.2.0.5"
  }
}

dns_zone "site" {
  for_each    = var.views
  name        = "example.org"
  nameservers = ["ns1.example.net"]

  directory {
    path = "out/${each.key}"
  }
}

# One block: each site gets its own registry, and all others that of Beijing.
dns_record "registry" {
  zone    = dns_zone.site
  name    = "registry"
  type    = "A"
  ttl     = 60
  values  = [var.registries.beijing]
  answers = { for site, address in var.registries : site => [address] }
}

# In the offices alone: nobody else finds the name.
dns_record "intranet" {
  zone = dns_zone.site
  name = "intranet"
  type = "CNAME"
  answers = {
    beijing   = ["registry.example.org"]
    shanghai  = ["registry.example.org"]
    tianjin   = ["registry.example.org"]
    elsewhere = []
  }
}

# Three of the four views are led to one entrance, and one to the other.
dns_record "shop" {
  zone = dns_zone.site
  name = "shop"
  type = "A"
  ttl  = 60
  weights = {
    "192.0.2.80"    = 3
    "198.51.100.80" = 1
  }
}

# The same for all, in turn.
dns_record "www" {
  zone   = dns_zone.site
  name   = "www"
  type   = "A"
  values = ["192.0.2.80", "198.51.100.80"]
}
