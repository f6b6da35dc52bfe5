//! `portolan watch` lets services follow their load: two clusters, and what their pods use as the test
//! says it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portolan_test_support::metrics::Metrics;
use portolan_test_support::{Fault, Proxy, until};
use serde_json::{Value as Json, json};

use crate::live::{Live, service};
use crate::prometheus::Prometheus;
use crate::watching::Daemon;

const WEB: &str = "application.shop.service.web";

/// Requests to the metrics server.
const METRICS: &str = "GET /apis/metrics";

/// How it follows its load in these tests: at once.
const AUTOSCALE: &str = r#"
  autoscale {
    min = 2
    max = 8
    cpu = "50%"
    scale_up {
      policy {
        pods   = 8
        period = "1s"
      }
    }
    scale_down {
      stabilization = "2s"
    }
  }
"#;

/// The service in two clusters, both of which are reached over proxies.
struct Scaled {
    live: Live,
    proxies: [Proxy; 2],
}

impl Scaled {
    fn new(replicas: u32, autoscale: &str) -> Option<Scaled> {
        let live = Live::new(&["a", "b"], "")?;
        if ["a", "b"].iter().any(|name| Metrics::of(live.cluster(name)).is_none()) {
            return None;
        }
        let proxies = ["a", "b"].map(|name| Proxy::before(live.cluster(name)));
        live.reach(&[("a", &proxies[0].kubeconfig()), ("b", &proxies[1].kubeconfig())]);
        let scaled = Scaled { live, proxies };
        scaled.declare(replicas, autoscale);
        Some(scaled)
    }

    fn declare(&self, replicas: u32, autoscale: &str) {
        let text = format!(
            "application \"shop\" {{\n  namespace = \"{}\"\n  placement {{\n    strategy = \"weighted\"\n    weights = {{ a = 1, b = 1 }}\n  }}\n{}}}\n",
            self.live.namespace,
            service("web", "shop/web:1", replicas, autoscale)
        );
        self.live.write("main.hcl", text);
    }

    fn pods(&self, cluster: &str) -> Vec<String> {
        let names = self.live.kubectl(cluster).text(&["get", "pods", "--output=jsonpath={.items[*].metadata.name}"]);
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// Lets every pod use so much, of 10m that it requests.
    fn load(&self, cpu: &str) {
        for cluster in ["a", "b"] {
            let pods = self.pods(cluster);
            if pods.is_empty() {
                continue;
            }
            let measured = pods.into_iter().map(|pod| {
                json!({
                    "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": {"name": pod},
                    "timestamp": "2030-01-01T00:00:00Z", "window": "30s",
                    "containers": [{"name": "web", "usage": {"cpu": cpu, "memory": "8Mi"}}],
                })
            });
            let list = json!({"apiVersion": "v1", "kind": "List", "items": measured.collect::<Json>()});
            // A pod may be gone by now, and its metrics with it.
            self.live.kubectl(cluster).apply(&list.to_string());
        }
    }

    /// How many copies each cluster is told to run.
    fn copies(&self) -> [u64; 2] {
        ["a", "b"].map(|cluster| {
            let said =
                self.live.kubectl(cluster).run(&["get", "deployment", "web", "--output=jsonpath={.spec.replicas}"]);
            said.text.parse().unwrap_or(0)
        })
    }

    /// Waits until each cluster runs so many, while every pod uses so much.
    fn becomes(&self, copies: [u64; 2], cpu: &str, daemon: &Daemon<'_>) {
        let started = std::time::Instant::now();
        while self.copies() != copies {
            self.load(cpu);
            assert!(started.elapsed().as_secs() < 240, "{:?} are not {copies:?}: {}", self.copies(), daemon.log());
        }
    }

    /// Waits until everything was measured some more times.
    fn is_measured(&self) {
        let looks = || self.proxies[0].count(METRICS);
        let before = looks();
        until("it is measured", || looks() > before + 4);
    }
}

fn start(live: &Live) -> Daemon<'_> {
    Daemon::start(live, &["--metrics-interval=300ms"])
}

#[test]
fn the_total_follows_the_load_of_all_clusters() {
    let Some(scaled) = Scaled::new(2, AUTOSCALE) else { return };
    let live = &scaled.live;
    let daemon = start(live);
    daemon.says("everything is as it ought to be");
    scaled.becomes([1, 1], "5m", &daemon);

    // Up, as far as it may, and divided evenly.
    scaled.becomes([4, 4], "10m", &daemon);
    daemon.says("by portolan watch: cpu is at 100 % of what is requested, and 50 % is aimed at");
    scaled.load("5m");
    scaled.is_measured();
    daemon.end();
    // A person's plan respects it, and says who decided it and why.
    let said = live.succeed(&["plan", "--detailed-exitcode"]);
    assert!(said.text.contains(&format!("{WEB}: scaled from ")), "{}", said.text);
    live.succeed(&["apply", "--auto-approve"]);
    assert_eq!(scaled.copies(), [4, 4]);

    // Down, to one in each cluster.
    let daemon = start(live);
    scaled.becomes([1, 1], "0m", &daemon);
    daemon.says("to 2 by portolan watch: cpu is at 0 % of what is requested");
    daemon.end();

    // Without the block, what is declared counts.
    scaled.declare(6, "");
    live.succeed(&["apply", "--auto-approve"]);
    assert_eq!(scaled.copies(), [3, 3]);
    assert!(!live.succeed(&["plan"]).text.contains("portolan watch"));
    live.is_settled();
}

#[test]
fn nothing_is_taken_away_while_something_is_not_known() {
    let Some(scaled) = Scaled::new(6, AUTOSCALE) else { return };
    let live = &scaled.live;
    live.apply();
    // One pod is not measured.
    scaled.load("0m");
    let hidden = scaled.pods("b").remove(0);
    live.kubectl("b").text(&["delete", "podmetrics.metrics.k8s.io", &hidden]);
    let daemon = start(live);
    scaled.is_measured();
    assert_eq!(scaled.copies(), [3, 3]);
    // A cluster does not tell what its pods use.
    let b = &scaled.proxies[1];
    b.strike(Fault::answer(503).to("apis/metrics").always());
    scaled.load("0m");
    daemon.says("b does not tell what its copies use");
    scaled.is_measured();
    assert_eq!(scaled.copies(), [3, 3]);
    // It does not answer at all.
    b.close();
    scaled.is_measured();
    assert_eq!(scaled.copies(), [3, 3]);
    let log = daemon.log();
    assert!(!log.contains("scaled from"), "{log}");
    b.heal();
    b.open();
    scaled.becomes([1, 1], "0m", &daemon);
    daemon.end();
}

/// A program that tells how long a queue is, where a Prometheus asks it.
struct Queue {
    length: Arc<AtomicU64>,
    address: String,
}

impl Queue {
    fn of(length: u64) -> Queue {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let length = Arc::new(AtomicU64::new(length));
        let told = length.clone();
        // It ends with the test.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let body = format!("queue_length {}\n", told.load(Ordering::Relaxed));
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
                let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        Queue { length, address }
    }

    fn set(&self, length: u64) {
        self.length.store(length, Ordering::Relaxed);
    }
}

/// Blocks in `autoscale`, down to none.
fn resting(blocks: &str) -> String {
    AUTOSCALE.replace("min = 2", "min = 0").replace("    cpu = \"50%\"\n", blocks)
}

#[test]
fn a_queue_wakes_a_service_and_lets_it_rest() {
    let queue = Queue::of(200);
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: queue\n  static_configs:\n  - targets: [\"{}\"]\n",
        queue.address
    );
    let Some(prometheus) = Prometheus::start(&[("prometheus.yml", &config)]) else { return };
    let block = format!(
        "    prometheus \"queue\" {{\n      url           = \"http://{}\"\n      query         = \"sum(queue_length)\"\n      average_value = 100\n    }}\n",
        prometheus.address
    );
    let Some(scaled) = Scaled::new(2, &resting(&block)) else { return };
    let live = &scaled.live;
    let daemon = start(live);
    daemon.says("everything is as it ought to be");
    scaled.becomes([1, 1], "5m", &daemon);
    queue.set(450);
    scaled.becomes([3, 2], "5m", &daemon);
    daemon.says("queue is at 450, and 100 for each copy is aimed at");
    // What needs nothing rests, and is there.
    queue.set(0);
    scaled.becomes([0, 0], "5m", &daemon);
    let exists = |cluster: &str| live.kubectl(cluster).run(&["get", "deployment", "web"]).succeeded();
    assert!(exists("a") && exists("b"));
    scaled.is_measured();
    live.is_settled();
    queue.set(120);
    scaled.becomes([1, 1], "5m", &daemon);
    // Nobody tells any more how long it is.
    drop(prometheus);
    daemon.says("queue: ");
    scaled.is_measured();
    assert_eq!(scaled.copies(), [1, 1]);
    daemon.end();
}

#[test]
fn schedules_say_how_many_there_are() {
    // It has begun this minute, and ended at the beginning of the year; or the other way round.
    let schedule = |start: &str, end: &str| {
        resting(&format!(
            "    schedule \"day\" {{\n      start = \"{start}\"\n      end   = \"{end}\"\n      min   = 4\n    }}\n"
        ))
    };
    let Some(scaled) = Scaled::new(1, &schedule("* * * * *", "0 0 1 1 *")) else { return };
    let daemon = start(&scaled.live);
    scaled.becomes([2, 2], "5m", &daemon);
    daemon.says("scaled from 1 to 4 by portolan watch: 4 at least by the schedule day");
    scaled.declare(1, &schedule("0 0 1 1 *", "* * * * *"));
    scaled.becomes([0, 0], "5m", &daemon);
    daemon.end();
    scaled.live.is_settled();
}
