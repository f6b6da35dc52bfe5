// What a daemon shows. Everything is set as text: nothing that a server or a person wrote becomes markup.
"use strict";

const SERVICES_EVERY = 3000;
const RECONNECT_AFTER = 2000;
const KEY = "portolan-token";

const at = (id) => document.getElementById(id);
let token = sessionStorage.getItem(KEY) || "";
let lastRun = "";

// 2026-03-01T08:00:12.345Z, without parts of seconds.
const second = (time) => time.replace(/\.\d+Z$/, "Z");

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// Replaces rows only where they differ, so that what is selected or focused stays.
function rows(into, lists) {
  const wanted = JSON.stringify(lists);
  if (into.dataset.shown === wanted) return;
  into.dataset.shown = wanted;
  into.closest("table").hidden = !lists.length;
  into.replaceChildren(...lists.map((cells) => {
    const row = element("tr");
    row.append(...cells.map(([text, kind]) => element("td", text, kind)));
    return row;
  }));
}

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  if (answer.status === 401) {
    logIn(token ? "That token is not known." : "");
    throw new Error("a token is needed");
  }
  if (!answer.ok) {
    const body = await answer.json().catch(() => ({}));
    throw new Error(body.error || `${answer.status}`);
  }
  return answer;
}

function logIn(refused) {
  at("refused").textContent = refused;
  at("login").hidden = false;
  at("main").hidden = true;
  at("token").focus();
}

const KINDS = {
  settled: "good", starting: "warn", changing: "warn", held: "warn", failing: "bad",
  alive: "good", unreachable: "warn", dead: "bad", active: "good", drained: "warn", lost: "bad",
  ready: "good", waiting: "warn", gone: "bad", succeeded: "good", failed: "bad", running: "warn",
  error: "bad", warn: "warn",
};

function showOverview(overview) {
  at("login").hidden = true;
  at("main").hidden = false;
  at("look").hidden = !token;
  const state = at("state");
  state.textContent = overview.state;
  state.className = `badge ${KINDS[overview.state] || ""}`;
  document.title = `${overview.state} - Portolan`;
  const last = overview.last_run;
  at("since").textContent = `since ${overview.since}; ${overview.resources} objects recorded` +
    (last ? `; last run ${last.outcome} at ${last.ended} after ${last.seconds.toFixed(1)} s` : "");
  at("version").textContent = `Portolan ${overview.version}, started ${overview.started}`;
  showPlan(overview.plan);
  const clusters = overview.clusters;
  at("clusters-note").textContent = clusters.length ? "" : "No cluster is probed: none has a block probe.";
  rows(at("clusters-rows"), clusters.map((cluster) => [
    [cluster.name, "name"], [cluster.health, KINDS[cluster.health]], [cluster.availability, KINDS[cluster.availability]],
  ]));
  at("decisions-note").textContent = overview.decisions.length ? "" : "Nothing has been decided.";
  rows(at("decisions-rows"), overview.decisions.map((decision) => [
    [second(decision.time), "time"], [decision.subject, "address"], [decision.kind], [decision.reason],
  ]));
  showMessages(overview.messages);
  const run = last ? last.ended : "";
  if (run !== lastRun) {
    lastRun = run;
    showRuns().catch((problem) => { at("runs-note").textContent = problem.message; });
  }
}

function showPlan(plan) {
  at("plan-summary").textContent = plan ? `${plan.summary} (${plan.time})` : "Everything is as it ought to be.";
  at("plan-held").textContent = plan && plan.held ? `It waits: ${plan.held}` : "";
  at("plan-details").hidden = !plan;
  const text = plan ? plan.text : "";
  if (at("plan-text").dataset.shown === text) return;
  at("plan-text").dataset.shown = text;
  const kinds = { "+": "added", "-": "removed", "~": "changed" };
  at("plan-text").replaceChildren(...text.split("\n").map((line) => element("div", line || " ", kinds[line.trim()[0]])));
}

function showMessages(messages) {
  const list = at("messages-list");
  const wanted = JSON.stringify(messages);
  if (list.dataset.shown === wanted) return;
  list.dataset.shown = wanted;
  list.replaceChildren(...messages.toReversed().map((message) => {
    const item = element("li");
    item.append(element("span", message.time, "soft time"), " ", element("strong", message.level, KINDS[message.level]),
      " ", message.message);
    return item;
  }));
}

async function showServices() {
  const answer = await (await ask("api/v1/services")).json();
  const services = answer.services;
  at("services-note").textContent = services.length ? "" : "Nothing that runs is recorded.";
  const count = (number) => number ?? "?";
  rows(at("services-rows"), services.map((service) => [
    [service.application, "name"], [service.service, "name"], [service.cluster, "name"],
    [`${count(service.ready)}/${count(service.wanted)}`], [service.state, service.healthy ? KINDS[service.state] : "bad"],
    [(service.images || []).join(", "), "image"], [service.healthy ? "" : service.why],
  ]));
}

async function showRuns() {
  const answer = await (await ask("api/v1/runs")).json();
  at("runs-note").textContent = answer.runs.length ? "" : "Nothing has been done yet.";
  at("runs-list").replaceChildren(...answer.runs.map((run) => {
    const entry = element("details");
    const line = element("summary");
    line.append(element("span", second(run.started), "soft time"), " ", element("strong", run.status, KINDS[run.status]),
      ` ${run.command} by ${run.who}: ${run.summary}`);
    const changes = element("ul");
    entry.append(line, changes);
    entry.addEventListener("toggle", () => {
      if (entry.open) showChanges(run.id, changes).catch((problem) => changes.replaceChildren(element("li", problem.message)));
    });
    return entry;
  }));
}

async function showChanges(run, into) {
  const answer = await (await ask(`api/v1/runs/${encodeURIComponent(run)}/changes`)).json();
  const told = (change) => `${change.operation || "not begun"} ${change.address}` + (change.failure ? `: ${change.failure}` : "");
  into.replaceChildren(...answer.changes.map((change) => element("li", told(change), change.failure ? "bad address" : "address")));
}

// Server-sent events, read with fetch because an EventSource cannot carry a token.
async function follow() {
  const answer = await ask("api/v1/events");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      if (data) showOverview(JSON.parse(data));
    }
  }
}

async function following() {
  for (;;) {
    await follow().catch(() => {});
    if (!at("login").hidden) return;
    at("state").textContent = "not connected";
    at("state").className = "badge bad";
    await new Promise((done) => setTimeout(done, RECONNECT_AFTER));
  }
}

async function looking() {
  for (;;) {
    if (document.visibilityState === "visible" && !at("main").hidden) {
      await showServices().catch((problem) => { at("services-note").textContent = problem.message; });
    }
    await new Promise((done) => setTimeout(done, SERVICES_EVERY));
  }
}

at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  sessionStorage.setItem(KEY, token);
  at("token").value = "";
  at("login").hidden = true;
  following();
});

at("look").addEventListener("click", () => {
  ask("api/v1/look", { method: "POST" }).catch((problem) => { at("since").textContent = problem.message; });
});

following();
looking();
