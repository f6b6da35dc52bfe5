//! Which services a person means.
//!
//! `application.shop.service.web` is an address; `shop.web` is short for it, and `shop` for all
//! services of the application. Any address selects what lies at or under it: a cluster's share
//! of a service is `application.shop.service.web/deployment@beijing`.

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Address, Diagnostic, Diagnostics};

use super::services::{Service, names};

/// What a person asked for.
#[derive(Debug, Clone)]
pub struct Selection {
    wanted: Vec<Address>,
}

impl Selection {
    /// From what stands on the command line; nothing there selects everything. All problems at
    /// once.
    pub fn parse(texts: &[String]) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let parsed = texts.iter().filter_map(|text| {
            diagnostics.keep(text.parse::<Address>().map_err(|error| {
                Diagnostic::error("Invalid address").detail(format!("\"{text}\" is not an address: {error}."))
            }))
        });
        let wanted = parsed.collect();
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(Selection { wanted }) }
    }

    /// Whether this address, or a short form of it, is selected.
    pub fn contains(&self, address: &Address) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| selects(wanted, address))
    }

    /// The problem of each name that selects none of these services.
    pub fn missing<'a>(&self, services: impl Iterator<Item = &'a Address> + Clone) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        let selects_none = |wanted: &&Address| !services.clone().any(|service| selects(wanted, service));
        let missing = self.wanted.iter().filter(selects_none);
        diagnostics
            .extend(missing.map(|wanted| unknown("Nothing that is placed is declared", wanted, services.clone())));
        diagnostics
    }

    /// Those of some addresses that are selected.
    pub fn among(&self, known: &[Address]) -> Result<Vec<Address>, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        for wanted in self.wanted.iter().filter(|wanted| !known.iter().any(|address| selects(wanted, address))) {
            let problem = unknown("Nothing that can be operated is declared", wanted, known.iter());
            diagnostics.push(problem.detail(format!(
                "Nothing that can be operated is declared at {wanted}. Services of applications are stopped, started and restarted; other objects are as their manifests say."
            )));
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(known.iter().filter(|address| self.contains(address)).cloned().collect())
    }

    /// The selected services, each with what of it is selected.
    pub fn of<'a>(&self, services: Vec<Service<'a>>) -> Result<Vec<Service<'a>>, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        for wanted in &self.wanted {
            let is_meant =
                |service: &Service<'_>| service.objects.iter().any(|object| selects(wanted, &object.key.address));
            if !services.iter().any(is_meant) {
                let known = services.iter().map(|service| &service.address);
                diagnostics.push(unknown("Nothing that runs is recorded", wanted, known));
            }
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let narrowed = services.into_iter().map(|mut service| {
            service.works.retain(|work| self.contains(&work.resource.key.address));
            service.objects.retain(|object| self.contains(&object.key.address));
            service
        });
        Ok(narrowed.filter(Service::is_shown).collect())
    }
}

fn selects(wanted: &Address, address: &Address) -> bool {
    wanted.contains(address) || forms(address).iter().any(|form| wanted.contains(form))
}

/// The short forms of an address of something in a block: `shop.web` and `application.shop.web`,
/// each also inside of its module.
fn forms(address: &Address) -> Vec<Address> {
    let Some((block, inner)) = names(address) else {
        let local = address.local();
        let [_, name] = local.segments() else { return Vec::new() };
        let name = Address::new([name.clone()]);
        return vec![address.module().append(&name), name];
    };
    let keyword = address.local().segments().first().cloned();
    let short = Address::new([block.clone(), inner.clone()]);
    let with_keyword = Address::new(keyword.into_iter().chain([block, inner]));
    let module = address.module();
    let mut forms = vec![module.append(&short), module.append(&with_keyword), short, with_keyword];
    if let Some(part) = address.part_name() {
        forms.iter_mut().for_each(|form| *form = form.part(part));
    }
    forms
}

/// The problem of a name that nothing has.
fn unknown<'a>(what: &str, wanted: &Address, known: impl Iterator<Item = &'a Address>) -> Diagnostic {
    let problem = Diagnostic::error("No such service").detail(format!("{what} at {wanted}."));
    let names: Vec<String> = known
        .flat_map(|address| forms(address).into_iter().take(1).chain([address.clone()]))
        .map(|form| form.to_string())
        .collect();
    match did_you_mean(&wanted.to_string(), names.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("Did you mean {near}?")),
        None => problem.help("See what there is: portolan status"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names() {
        let selects = |wanted: &str, address: &str| {
            let selection = Selection::parse(&[wanted.to_owned()]).expect("an address");
            selection.contains(&address.parse().expect("an address"))
        };
        let web = "application.shop.service.web/deployment@north";
        for wanted in [
            "shop",
            "shop.web",
            "application.shop",
            "application.shop.web",
            "application.shop.service.web",
            web,
            "shop.web/deployment@north",
        ] {
            assert!(selects(wanted, web), "{wanted}");
        }
        for wanted in ["web", "shop.we", "shop.web.more", "application.web", "shop.web/deployment@south"] {
            assert!(!selects(wanted, web), "{wanted}");
        }
        let inner = "module.edge.application.shop[\"eu\"].service.web";
        for wanted in ["shop", "shop[\"eu\"]", "shop[\"eu\"].web", "module.edge", "module.edge.shop.web"] {
            assert!(selects(wanted, inner), "{wanted}");
        }
        assert!(!selects("shop[\"us\"]", inner));
        assert!(selects("kubernetes_object.a", "kubernetes_object.a"));
    }
}
