application "shop" {
  placement {
    clusters = [cluster.a]
  }

  external "orders" {
    addresses = ["192.0.2.10:8080", "192.0.2.11:8080", "[2001:db8::1]:8443", "orders.example.com:9000"]
  }

  # Both call each other, and each is told where the other is.
  service "web" {
    image      = "shop/web:1"
    connects   = [service.api]
    env        = { API = "http://${service.api.host}:${service.api.port.http.number}" }
    port "http" {
      number    = 8080
      node_port = 30080
    }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }

  service "api" {
    image      = "shop/api:1"
    depends_on = [service.cache]
    connects   = [service.web, external.orders]
    env        = { WEB = service.web.host, ORDERS = join(",", external.orders.addresses) }
    port "http" {
      number = 8081
    }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }

  service "cache" {
    image = "shop/cache:1"
    port "tcp" {
      number = 6379
    }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
}
