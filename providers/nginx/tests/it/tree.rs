//! A whole configuration: what a fleet needs, in the form that the engine hands over.

use portolan_nginx::syntax::Directive;

fn simple(name: &str, arguments: &[&str]) -> Directive {
    Directive::simple(name, arguments)
}

fn block(name: &str, arguments: &[&str], directives: Vec<Directive>) -> Directive {
    Directive::with_block(name, arguments, directives)
}

/// `nginx.conf` of a server that runs without privileges from its own prefix.
pub(crate) fn main() -> Vec<Directive> {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|name| simple(&format!("{name}_temp_path"), &[&format!("temp-{name}")]));
    let mut http = vec![
        simple("default_type", &["application/octet-stream"]),
        block("types", &[], vec![simple("text/html", &["html", "htm"]), simple("application/json", &["json"])]),
        simple(
            "log_format",
            &["main", "$remote_addr - $remote_user [$time_local] \"$request\" ", "$status; {$http_user_agent}"],
        ),
        simple("access_log", &["access.log", "main"]),
        simple("server_tokens", &["off"]),
        simple("gzip", &["on"]),
        simple("gzip_types", &["application/json", "text/css"]),
        simple("client_max_body_size", &["8m"]),
        simple("limit_req_zone", &["$binary_remote_addr", "zone=clients:1m", "rate=1r/m"]),
    ];
    http.extend(temporary);
    http.push(simple("include", &["conf.d/*.conf"]));
    vec![
        simple("worker_processes", &["1"]),
        simple("pid", &["nginx.pid"]),
        simple("error_log", &["error.log", "notice"]),
        block("events", &[], vec![simple("worker_connections", &["256"])]),
        block("http", &[], http),
    ]
}

/// The ports of a site.
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    pub(crate) backend: u16,
}

/// A file for `http` with two servers that pass requests to a backend, and a default one.
pub(crate) fn site(ports: &Ports) -> Vec<Directive> {
    let upgrade = vec![simple("default", &["upgrade"]), simple("", &["close"])];
    let backend = format!("127.0.0.1:{}", ports.backend);
    let down = "127.0.0.1:1";
    let upstream = vec![
        simple("zone", &["shop", "64k"]),
        simple("least_conn", &[]),
        simple("server", &[&backend, "weight=3", "max_fails=2", "fail_timeout=5s"]),
        simple("server", &[down, "backup"]),
        simple("server", &["[::1]:1", "down"]),
        simple("keepalive", &["16"]),
    ];
    vec![
        block("map", &["$http_upgrade", "$connection_upgrade"], upgrade),
        block("upstream", &["shop"], upstream),
        block("server", &[], default_server(ports)),
        block("server", &[], shop(ports)),
    ]
}

fn default_server(ports: &Ports) -> Vec<Directive> {
    let (plain, tls) = (format!("127.0.0.1:{}", ports.plain), format!("127.0.0.1:{}", ports.tls));
    vec![
        simple("listen", &[&plain, "default_server"]),
        simple("listen", &[&tls, "ssl", "default_server"]),
        simple("server_name", &["_"]),
        simple("ssl_reject_handshake", &["on"]),
        simple("return", &["404", "no such site; \"sorry\" {really}\n".trim_end()]),
    ]
}

fn shop(ports: &Ports) -> Vec<Directive> {
    let (plain, tls) = (format!("127.0.0.1:{}", ports.plain), format!("127.0.0.1:{}", ports.tls));
    vec![
        simple("listen", &[&plain]),
        simple("listen", &[&tls, "ssl", "http2"]),
        simple("server_name", &["shop.example.com", "*.shop.example.com", r"~^(?<tenant>[a-z]{1,8})\.shops\.example$"]),
        simple("ssl_certificate", &["certs/shop.pem"]),
        simple("ssl_certificate_key", &["certs/shop.key"]),
        simple("ssl_protocols", &["TLSv1.2", "TLSv1.3"]),
        simple("ssl_ciphers", &["ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:!aNULL"]),
        simple("ssl_session_cache", &["shared:tls:1m"]),
        simple("ssl_session_timeout", &["1d"]),
        simple("ssl_session_tickets", &["off"]),
        simple("add_header", &["X-Tenant", "tenant=$tenant; \"q\" \\ end", "always"]),
        block("location", &["/"], pass("http://shop")),
        block("location", &["=", "/healthz"], vec![simple("access_log", &["off"]), simple("return", &["200", "ok"])]),
        block("location", &["^~", "/limited"], limited()),
        block("location", &["~*", r"\.(png|jpe?g)$"], vec![simple("return", &["415", "no pictures of $uri"])]),
        block("location", &["=", "/gone"], vec![simple("return", &["410"])]),
        block("location", &["=", "/moved"], vec![simple("return", &["301", "https://$host/new$is_args$args"])]),
        block("location", &["=", "/closed"], vec![simple("return", &["444"])]),
        block(
            "location",
            &["/old/"],
            vec![
                simple("rewrite", &["^/old/([0-9]{2,4})/(.*)$", "/orders/$1?rest=$2", "last"]),
                simple("return", &["404"]),
            ],
        ),
        block("location", &["/orders"], pass("http://shop/v2")),
    ]
}

fn limited() -> Vec<Directive> {
    vec![
        simple("limit_req", &["zone=clients", "burst=1", "nodelay"]),
        simple("limit_req_status", &["429"]),
        simple("return", &["200", "limits are for passed requests"]),
    ]
}

fn pass(target: &str) -> Vec<Directive> {
    vec![
        simple("proxy_pass", &[target]),
        simple("proxy_http_version", &["1.1"]),
        simple("proxy_set_header", &["Host", "$host"]),
        simple("proxy_set_header", &["X-Forwarded-For", "$proxy_add_x_forwarded_for"]),
        simple("proxy_set_header", &["X-Forwarded-Proto", "$scheme"]),
        simple("proxy_set_header", &["Upgrade", "$http_upgrade"]),
        simple("proxy_set_header", &["Connection", "$connection_upgrade"]),
        simple("proxy_next_upstream", &["error", "timeout", "http_502"]),
        simple("proxy_next_upstream_tries", &["2"]),
        simple("proxy_next_upstream_timeout", &["5s"]),
        simple("proxy_connect_timeout", &["500ms"]),
        simple("proxy_read_timeout", &["1m30s"]),
        simple("proxy_send_timeout", &["30s"]),
    ]
}
