cluster "large" {
  directory {
    path = "out/large"
  }
  capacity {
    cpu    = "16"
    memory = "64Gi"
    pods   = 100
  }
}

nginx "edge" {
  addresses = ["192.0.2.80"]
  directory {
    path = "out/edge"
  }
}

application "shop" {
  placement {
    clusters = [cluster.large]
  }

  # None for now.
  service "web" {
    image    = "shop/web:1"
    replicas = 0
    port "http" {
      number    = 8080
      node_port = 30080
    }
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
  }
}

# It is told at once that nobody is there.
route "shop" {
  nginx = nginx.edge
  hosts = ["shop.example.com"]
  location "/" {
    to   = application.shop.service.web
    port = "http"
  }
}
