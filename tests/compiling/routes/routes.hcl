route "plain" {
  nginx = nginx.edge
  hosts = ["plain.example.com", "*.plain.example.com"]

  location "/" {
    to   = application.shop.service.web
    port = "http"
  }
  # The same upstream again.
  location "/again" {
    to      = application.shop.service.web
    port    = "http"
    headers = { X-Again = "yes" }
  }
  # Another one, because it is watched otherwise.
  location "/patient" {
    to        = application.shop.service.web
    port      = "http"
    max_fails = 9
    balance   = "least_conn"
  }
  location "/exactly" {
    match    = "exact"
    redirect = "https://www.example.com/elsewhere"
  }
  location "^/[a-z]+/live$" {
    match     = "regex"
    to        = application.shop.external.orders
    websocket = true
    body_size = "10m"
    timeout   = "1h"
    tries     = 1
  }
}

route "secure" {
  nginx = nginx.new
  hosts = ["secure.example.com"]

  tls {
    certificate = "the certificate\n"
    key         = "the key\n"
  }
  location "/" {
    to = application.shop.external.orders
  }
}

# Serves without encryption as well.
route "both" {
  nginx = nginx.edge
  hosts = ["both.example.com"]

  tls {
    certificate = "the certificate\n"
    key         = "the key\n"
    redirect    = false
  }
  location "/" {
    to = application.shop.external.orders
  }
}

route "each" {
  for_each = { "a.b" = "one", c = "two" }
  nginx    = nginx.edge
  hosts    = ["${each.value}.example.com"]
  location "/" {
    to = application.shop.external.orders
  }
}
