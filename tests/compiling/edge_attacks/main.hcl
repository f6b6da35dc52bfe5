# Where a text cannot be meant, it is refused with its place.

application "shop" {
  external "old" {
    addresses = ["192.0.2.10:8080"]
  }
}

nginx "edge" {
  version = "1.27.3"
  directory {
    path = "out/edge"
  }
}

route "lines" {
  nginx = nginx.edge
  hosts = ["lines.example.com"]

  location "/a" {
    to      = application.shop.external.old
    headers = { X-A = "a\r\nSet-Cookie: b=c" }
  }
  location "/b" {
    to      = application.shop.external.old
    headers = { "X-B; return 200 pwned" = "a" }
  }
  location "/c" {
    redirect = "https://$host\r\nSet-Cookie: b=c"
  }
  location "/d" {
    redirect = "javascript:alert(1)"
  }
  location "/e" {
    to        = application.shop.external.old
    body_size = "1m; }"
  }
  location "/f" {
    to       = application.shop.external.old
    rewrites = [{ from = "^(([a-z])+)+$", to = "/$nothing" }]
  }
  location "/g" {
    to       = application.shop.external.old
    retry_on = ["error; proxy_pass http://192.0.2.66"]
  }
  location "/h" {
    to      = application.shop.external.old
    timeout = "60s; return 200 pwned"
  }
  location "/i$host" {
    to = application.shop.external.old
  }
  location "/j" {
    to = application.shop.external.old

    access_log {
      path = "../../etc/passwd"
    }
  }
  location "(" {
    to    = application.shop.external.old
    match = "regex"
  }
}

route "directives" {
  nginx = nginx.edge
  hosts = ["directives.example.com"]

  location "/k" {
    to         = application.shop.external.old
    directives = { proxy_set_header = ["X-A", "$password"] }
  }
  location "/l" {
    to         = application.shop.external.old
    directives = { "if ($host) { return 200 pwned; } #" = "a", if = ["($host)"], root = "/srv/../etc" }
  }
}
