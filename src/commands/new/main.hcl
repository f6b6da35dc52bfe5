# A first project: one application on one cluster, the nginx fleet before it, and its name.
#
#     portolan plan       says what will happen
#     portolan apply      makes it so
#
# The cluster, the fleet and the zone are directories of files here, so that nothing has to be
# installed and nothing can break. Look at what is in out/ after the first apply.

variable "release" {
  description = "The release of the web server that is to run."
  type        = string
  default     = "1.27"
}

# A real cluster has `kubernetes { context = "NAME" }` in place of `directory` and `capacity`.
cluster "local" {
  node_addresses = ["192.0.2.10"]

  directory {
    path = "out/cluster"
  }
  capacity {
    cpu    = "4"
    memory = "16Gi"
    pods   = 110
  }
}

application "hello" {
  namespace = "hello"

  placement {
    clusters = [cluster.local]
  }

  service "web" {
    image    = "nginx:${var.release}"
    replicas = 2

    port "http" {
      number    = 80
      node_port = 30080
    }
    health {
      path = "/"
      port = "http"
    }
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
  }
}

# A real fleet reads its configuration from etcd, with `etcd` in place of `directory`.
nginx "edge" {
  version   = "1.22"
  addresses = ["192.0.2.80"]

  directory {
    path = "out/edge"
  }
}

# What the fleet does with requests for this name.
route "hello" {
  nginx = nginx.edge
  hosts = ["hello.example.com"]

  location "/" {
    to   = application.hello.service.web
    port = "http"
  }
}

# A real zone is changed over the network, with `rfc2136` in place of `directory`.
dns_zone "example" {
  name        = "example.com"
  nameservers = ["ns1.example.net", "ns2.example.net"]

  directory {
    path = "out/names"
  }
}

dns_record "hello" {
  zone   = dns_zone.example
  name   = "hello"
  type   = "A"
  ttl    = 60
  values = nginx.edge.addresses
}

output "address" {
  description = "Where the application opens."
  value       = "http://hello.example.com/"
}
