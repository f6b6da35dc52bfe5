application "shop" {
  external "old" {
    addresses = ["192.0.2.10:8080"]
  }
}

nginx "edge" {
  modules = ["http_ssl", "ngx_http_v2_module"]

  rate_limit "clients" {
    key  = "$remote_addr"
    rate = "10r/s"
  }
  template "elsewhere" {
    context    = "http"
    directives = { gzip = "perhaps", gizp_types = "a", include = "/etc/passwd", expires = "7d; }" }
  }
  template "both" {
    context    = "http"
    directives = {}
    text       = "#"
  }
  template "../up" {
    context = "http"
    text    = "#"
  }
  directory {
    path = "out/edge"
  }
}

nginx "ports" {
  http_port  = 443
  https_port = 443
  modules    = ["http_v2", "stream"]

  template "server" {
    context    = "server"
    directives = { merge_slashes = false }
  }
  template "framed" {
    context    = "http"
    directives = { add_header = ["X-Frame-Options", "DENY"] }
  }
  directory {
    path = "out/ports"
  }
}

route "checks" {
  nginx = nginx.ports
  hosts = ["checks.example.com"]

  location "/" {
    to = application.shop.external.old

    health_check {
    }
  }
  location "/rpc" {
    to       = application.shop.external.old
    protocol = "grpc"
  }
  location "/limit" {
    to = application.shop.external.old

    rate_limit {
      limit = "client"
    }
  }
  location "/both" {
    to = application.shop.external.old

    backend "a" {
      to = application.shop.external.old
    }
  }
  location "/spare" {
    backend "a" {
      to     = application.shop.external.old
      backup = true
    }
  }
  location "/weight" {
    backend "a" {
      to     = application.shop.external.old
      weight = 1.5
    }
  }
  location "/template" {
    to        = application.shop.external.old
    templates = ["server"]
  }
  location "/templates" {
    to        = application.shop.external.old
    templates = ["serv"]
  }
  location "/code" {
    redirect      = "https://www.example.com"
    redirect_code = 200
  }
  location "/rewrite" {
    to       = application.shop.external.old
    rewrites = [{ from = "^/a$", to = "/b", flag = "last" }]
  }
  location "/unknown_servers" {
    to       = application.shop.external.old
    protocol = "https"
  }
  location "/no_authority" {
    to       = application.shop.external.old
    protocol = "https"

    server_tls {
      server_name = "old.example.com"
    }
  }
  location "/unused" {
    to = application.shop.external.old

    server_tls {
      server_name = "old.example.com"
    }
  }
  location "/directives" {
    to         = application.shop.external.old
    directives = { proxy_read_timeout = "5s", listen = 80, content_by_lua_file = "a.lua", proxy_method = "GET; }", gzip_static = true }
  }
}

route "canaries" {
  nginx = nginx.ports
  hosts = ["canaries.example.com"]

  location "/nothing" {
    to = application.shop.external.old

    canary "a" {
      to = application.shop.external.old
    }
  }
  location "/value" {
    to = application.shop.external.old

    canary "a" {
      to           = application.shop.external.old
      header       = "X-Canary"
      header_value = "~.*; }"
    }
  }
  location "/header" {
    to = application.shop.external.old

    canary "a" {
      to     = application.shop.external.old
      header = "X Canary$"
    }
  }
  location "/share" {
    to = application.shop.external.old

    canary "a" {
      to     = application.shop.external.old
      weight = 60
    }
    canary "b" {
      to     = application.shop.external.old
      weight = 50
    }
  }
}

route "tls" {
  nginx = nginx.ports
  hosts = ["tls.example.com"]

  tls {
    certificate = "certificate"
    key_file    = "/etc/key"
  }
  location "/" {
    to = application.shop.external.old
  }
}

# What nginx takes and nobody means.
route "shadows" {
  nginx = nginx.ports
  hosts = ["shadows.example.com"]

  location "/images/" {
    to = application.shop.external.old
  }
  location "^/(images|css)/" {
    to    = application.shop.external.old
    match = "regex"
  }
  location "^/css/print" {
    to    = application.shop.external.old
    match = "regex"
  }
  location "/images/exactly" {
    to      = application.shop.external.old
    match   = "exact"
    headers = { X-Own = "1" }
  }
}

stream "port" {
  nginx  = nginx.ports
  listen = 443
  to     = application.shop.external.old
}

stream "named" {
  nginx    = nginx.ports
  listen   = 70000
  protocol = "udp"

  sni "a" {
    hosts = ["a.example.com"]
    to    = application.shop.external.old
  }
}

stream "none" {
  nginx  = nginx.edge
  listen = 3306
  to     = application.shop.external.old
}
