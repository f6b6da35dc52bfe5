application "shop" {
  placement {
    clusters = [cluster.large, cluster.small]
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
