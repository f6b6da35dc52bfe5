route "ports" {
  nginx = nginx.edge
  hosts = ["ports.example.com"]
  location "/unknown" {
    to   = application.shop.service.web
    port = "htpp"
  }
  location "/several" {
    to = application.shop.service.web
  }
  location "/inside" {
    to   = application.shop.service.web
    port = "admin"
  }
  location "/external" {
    to   = application.shop.external.orders
    port = "http"
  }
}

route "locations" {
  nginx = nginx.edge
  hosts = ["locations.example.com"]
  location "no-slash" {
    to = application.shop.external.orders
  }
  location "/neither" {
  }
  location "/match" {
    match = "prefx"
    to    = application.shop.external.orders
  }
  location "/balance" {
    balance = "fair"
    to      = application.shop.external.orders
  }
  location "/application" {
    to = application.shop
  }
}

route "hosts" {
  nginx = cluster.large
  hosts = ["a.example.com", "A.example.com", "a b.example.com", "www.*.com", "-a.example.com", "https://a.example.com", "ü.example.com", "*.example.com", ""]
  location "/" {
    to = application.shop.external.orders
  }
}

route "none" {
  nginx = nginx.edge
  hosts = []
  location "/" {
    to = application.shop.external.orders
  }
}

route "portless" {
  nginx = nginx.edge
  hosts = ["portless.example.com"]
  location "/" {
    to = application.portless.service.web
  }
}

application "portless" {
  placement {
    clusters = [cluster.large]
  }
  service "web" {
    image = "web:1"
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}
