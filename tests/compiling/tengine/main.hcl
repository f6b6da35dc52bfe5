# Tengine asks its servers whether they live, and an old one gets what it understands.

application "shop" {
  external "orders" {
    addresses = ["192.0.2.10:8080", "orders.example.com:8080"]
  }
}

nginx "tengine" {
  flavor   = "tengine"
  version  = "2.3.3"
  modules  = ["http_ssl", "http_v2", "http_upstream_check", "http_upstream_dynamic"]
  resolver = ["192.0.2.53"]

  directory {
    path = "out/tengine"
  }
}

nginx "old" {
  version = "1.6.3"

  directory {
    path = "out/old"
  }
}

route "checked" {
  nginx = nginx.tengine
  hosts = ["shop.example.com"]

  tls {
    certificate = "certificate"
    key         = "key"
  }
  location "/" {
    to = application.shop.external.orders

    health_check {
      path   = "/healthz"
      host   = "shop.example.com"
      expect = ["2xx"]
    }
  }
  location "/tcp" {
    to = application.shop.external.orders

    health_check {
      type     = "tcp"
      interval = "500ms"
    }
  }
  location "/tls" {
    to       = application.shop.external.orders
    protocol = "https"

    server_tls {
      server_name                = "orders.example.com"
      certificate_authority_file = "/etc/ssl/internal.pem"
    }
    health_check {
      type = "tls"
    }
  }
}

route "old" {
  nginx = nginx.old
  hosts = ["old.example.com"]

  tls {
    certificate = "certificate"
    key         = "key"
  }
  location "/" {
    to = application.shop.external.orders
  }
}
