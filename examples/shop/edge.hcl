# Where traffic comes in: nginx takes TLS off and spreads requests over both clusters.

nginx "edge" {
  flavor    = "nginx"
  version   = "1.22"
  addresses = var.edge_addresses

  directory {
    path = "out/edge"
  }
}

route "shop" {
  nginx = nginx.edge
  hosts = ["shop.${var.domain}", "www.${var.domain}"]

  # Made for this example by
  #     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
  #       -subj /CN=shop.example.com -addext subjectAltName=DNS:shop.example.com,DNS:www.example.com \
  #       -keyout tls/self-signed-for-tests.key -out tls/self-signed-for-tests.crt
  # and trusted by nobody.
  tls {
    certificate = file("tls/self-signed-for-tests.crt")
    key         = file("tls/self-signed-for-tests.key")
  }

  location "/" {
    to   = application.shop.service.web
    port = "http"
  }
  location "/api" {
    to   = application.shop.service.catalog
    port = "http"
  }
}

# The machines of the order database have a site of their own, for the people who run it.
route "orders" {
  nginx = nginx.edge
  hosts = ["orders.${var.domain}"]

  location "/" {
    to = application.shop.external.orders
  }
}
