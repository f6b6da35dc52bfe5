# What a location can say, on an nginx of today.

application "shop" {
  external "old" {
    addresses = ["192.0.2.10:8080", "192.0.2.11:8080"]
  }
  external "new" {
    addresses = ["192.0.2.20:8080", "new.example.com:8080"]
  }
  external "next" {
    addresses = ["192.0.2.30:8080"]
  }
}

nginx "edge" {
  version  = "1.27.3"
  resolver = ["192.0.2.53"]

  access_log {
    format = "json"
    path   = "logs/access.json"
  }
  rate_limit "clients" {
    rate = "10r/s"
  }
  rate_limit "tokens" {
    key  = "header:X-Token"
    rate = "30r/m"
    size = "1m"
  }
  connection_limit "clients" {
  }
  template "compressed" {
    context    = "http"
    directives = { gzip = true, gzip_types = ["text/css", "application/json"], sendfile = false }
  }
  template "static" {
    context    = "location"
    directives = { expires = "7d", add_header = [["X-Kind", "static"], ["X-More", "1"]] }
  }
  template "by_hand" {
    context = "location"
    text    = "if ($request_method = TRACE) { return 405; }\n"
  }
  directory {
    path = "out/edge"
  }
}

route "shop" {
  nginx      = nginx.edge
  hosts      = ["shop.example.com"]
  directives = { client_header_timeout = "10s" }

  tls {
    certificate     = "certificate"
    key             = "key"
    protocols       = ["TLSv1.3"]
    hsts            = "365d"
    hsts_subdomains = true
  }
  access_log {
    path = "logs/shop.log"
  }
  # By header, else by cookie, else by share.
  location "/" {
    to = application.shop.external.old

    canary "a" {
      to     = application.shop.external.new
      header = "X-Canary"
      weight = 12.5
    }
    canary "b" {
      to           = application.shop.external.next
      header       = "X-Canary"
      header_value = "next"
      cookie       = "next"
      weight       = 1
    }
  }
  location "/shared" {
    backend "blue" {
      to     = application.shop.external.old
      weight = 3
    }
    backend "green" {
      to = application.shop.external.new
    }
    backend "spare" {
      to     = application.shop.external.next
      backup = true
    }
  }
  location "/limited" {
    to = application.shop.external.old

    rate_limit {
      limit = "clients"
      burst = 20
    }
    connection_limit {
      limit       = "clients"
      connections = 5
      status      = 503
    }
    access_log {
      format = "off"
    }
  }
  location "/old/" {
    to         = application.shop.external.old
    rewrites   = [{ from = "^/old/([0-9]+)$", to = "/items/$1" }, { from = "^/old/(.*)$", to = "/$1" }]
    templates  = ["static", "by_hand"]
    directives = { proxy_buffering = false, proxy_set_header = ["X-Old", "yes"] }
  }
  location "/rpc" {
    to       = application.shop.external.new
    protocol = "grpc"
    retry_on = ["off"]
  }
  # Servers that speak TLS, in groups of their own though they are the same ones.
  location "/encrypted" {
    to       = application.shop.external.new
    protocol = "https"

    server_tls {
      server_name           = "new.example.com"
      certificate_authority = "authority"
      certificate           = "certificate"
      key                   = "key"
    }
  }
  location "/encrypted_rpc" {
    to       = application.shop.external.new
    protocol = "grpcs"

    server_tls {
      server_name                = "new.example.com"
      certificate_authority_file = "/etc/ssl/internal.pem"
      certificate_file           = "/etc/ssl/edge.pem"
      key_file                   = "/etc/ssl/private/edge.key"
    }
    canary "next" {
      to     = application.shop.external.next
      weight = 5
    }
  }
  location "/unverified" {
    to       = application.shop.external.new
    protocol = "https"

    server_tls {
      server_name = "new.example.com"
      verify      = false
    }
  }
  location "/moved" {
    redirect      = "https://www.example.com$request_uri"
    redirect_code = 308
  }
  # In the order in which they are written.
  location "^/z" {
    to    = application.shop.external.old
    match = "regex"
  }
  location "^/a" {
    to    = application.shop.external.new
    match = "regex"
  }
}

# Without TLS, since this nginx has HTTP/2 beside HTTP/1.
route "rpc" {
  nginx = nginx.edge
  hosts = ["rpc.example.com"]

  location "/" {
    to       = application.shop.external.new
    protocol = "grpc"
  }
}

route "files" {
  nginx = nginx.edge
  hosts = ["files.example.com"]

  tls {
    certificate_file = "/etc/ssl/files.pem"
    key_file         = "/etc/ssl/private/files.key"
  }
  location "/" {
    to = application.shop.external.old
  }
}
