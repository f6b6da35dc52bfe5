# Applications with for_each and count, in modules with for_each, whose services refer to each
# other, and routes to one of their instances.

cluster "site" {
  for_each       = toset(["eu", "us"])
  node_addresses = ["${each.key}.nodes.example.com"]
  directory {
    path = "out/${each.key}"
  }
}

nginx "edge" {
  directory {
    path = "out/edge"
  }
}

application "shop" {
  for_each  = cluster.site
  namespace = "shop-${each.key}"
  placement {
    clusters = [each.value]
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
  service "api" {
    image      = "shop/api:1"
    depends_on = [service.cache]
    env        = { CACHE = "${service.cache.host}:${service.cache.port.tcp.number}" }
    port "http" {
      number    = 8080
      node_port = 30080
    }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
}

application "worker" {
  count     = 2
  namespace = "worker-${count.index}"
  placement {
    clusters = values(cluster.site)
    strategy = "single"
  }
  service "web" {
    image    = "shop/worker:1"
    connects = [external.orders]
    env = {
      API    = application.shop["eu"].service.api.host
      ORDERS = external.orders.addresses[0]
    }
    resources {
      cpu    = "100m"
      memory = "128Mi"
    }
  }
  external "orders" {
    addresses = ["192.0.2.${count.index}:80"]
  }
}

module "stage" {
  source   = "./shop"
  for_each = { blue = "eu", green = "us" }
  stage    = each.key
  cluster  = cluster.site[each.value]
  api      = application.shop[each.value].service.api
}

route "eu" {
  nginx = nginx.edge
  hosts = ["eu.example.com"]
  location "/" {
    to = application.shop["eu"].service.api
  }
  location "/orders" {
    to = application.worker[1].external.orders
  }
}

route "each" {
  for_each = application.shop
  nginx    = nginx.edge
  hosts    = ["${each.key}.api.example.com"]
  location "/" {
    to = each.value.service.api
  }
}

route "stage" {
  for_each = module.stage
  nginx    = nginx.edge
  hosts    = ["${each.key}.example.com"]
  location "/" {
    to = each.value.web
  }
}

route "blue" {
  nginx = nginx.edge
  hosts = ["main.example.com"]
  location "/" {
    to = module.stage["blue"].web
  }
}
