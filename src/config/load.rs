//! From directories to modules.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use indexmap::IndexMap;
use portolan_lang::syntax::{Body, parse_body, parse_json_body};
use portolan_lang::{Diagnostic, Diagnostics, Sources, Span};
use rustc_hash::FxHashMap;

use super::blocks::{CallBlock, Declarations};
use super::check::check;
use super::content::{missing_argument, unsupported_argument};
use super::cycle::cycles;
use super::files::{Form, ModuleFiles, SourceFile, kept_module, read_module};
use super::known::Known;
use super::model::{Config, Module, ModuleCall, Settings};
use super::overrides;
use crate::catalog::Catalog;

/// How deeply modules may call modules.
const MAX_MODULE_DEPTH: usize = 64;

/// Loads the configuration in a directory, with all modules that it calls. What could be
/// understood is returned beside what is wrong.
///
/// The names of files are relative to the directory, as the configuration's own paths are.
pub fn load(directory: &Path, catalog: &Catalog) -> (Config, Diagnostics) {
    load_from(Root::Directory(directory), Sources::new(), catalog)
}

/// Loads a configuration again from the sources that it was loaded from before. The file
/// system is not asked, and places in these sources keep their meaning.
pub fn load_kept(sources: Sources, catalog: &Catalog) -> (Config, Diagnostics) {
    load_from(Root::Kept, sources, catalog)
}

fn load_from(root: Root<'_>, sources: Sources, catalog: &Catalog) -> (Config, Diagnostics) {
    let known = Known::new(catalog);
    let mut loader = Loader {
        root,
        known: &known,
        sources,
        modules: IndexMap::default(),
        calling: Vec::new(),
        settings: Settings::default(),
        diagnostics: Diagnostics::new(),
    };
    let root = loader.module(PathBuf::from("."), None);
    let Loader { sources, modules, settings, mut diagnostics, .. } = loader;
    // A name that seems not to be declared may be declared in what could not be read.
    if modules.values().all(|loaded| loaded.is_whole) {
        let loops = thread::scope(|scope| {
            // Neither changes anything, and each looks at every reference.
            let loops = scope.spawn(|| cycles(&root.module, &known));
            for loaded in modules.values() {
                check(loaded, &root.module, &known, &mut diagnostics);
            }
            loops.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        diagnostics.extend(loops);
    }
    (Config { sources, root: root.module, settings }, diagnostics)
}

/// A module that was loaded.
#[derive(Clone, Default)]
pub(super) struct Loaded {
    pub(super) module: Arc<Module>,
    /// Where each local address is declared, also by a block that could not be understood.
    pub(super) places: Arc<FxHashMap<Arc<str>, Span>>,
    /// Whether all its files could be read and parsed, so that what is not declared in it is
    /// not declared at all.
    pub(super) is_whole: bool,
}

/// Where the files of a configuration come from.
#[derive(Clone, Copy)]
enum Root<'a> {
    /// A directory.
    Directory(&'a Path),
    /// The loader's sources, which hold all of them already.
    Kept,
}

impl<'a> Root<'a> {
    /// What messages call it.
    fn shown(self) -> &'a Path {
        match self {
            Root::Directory(directory) => directory,
            Root::Kept => Path::new("."),
        }
    }

    /// What tells a module's directory from all others.
    fn real(self, directory: &Path) -> std::io::Result<PathBuf> {
        let Root::Directory(root) = self else { return Ok(directory.to_owned()) };
        let real = fs::canonicalize(root.join(directory))?;
        if real.is_dir() { Ok(real) } else { Err(std::io::Error::other("it is not a directory")) }
    }
}

struct Loader<'a> {
    root: Root<'a>,
    known: &'a Known<'a>,
    sources: Sources,
    /// The modules by directory.
    modules: IndexMap<PathBuf, Loaded>,
    /// The real directories of the modules that are being loaded, the root first.
    calling: Vec<PathBuf>,
    settings: Settings,
    diagnostics: Diagnostics,
}

impl Loader<'_> {
    /// Loads the module in a directory relative to the root's; `source` is the place that
    /// calls it.
    fn module(&mut self, directory: PathBuf, source: Option<Span>) -> Loaded {
        if let Some(loaded) = self.modules.get(&directory) {
            return loaded.clone();
        }
        let real = match self.enter(&directory, source) {
            Ok(real) => real,
            Err(problem) => {
                self.diagnostics.push(problem);
                return Loaded::default();
            }
        };
        self.calling.push(real);
        let loaded = self.load_files(&directory, source);
        self.calling.pop();
        self.modules.insert(directory, loaded.clone());
        loaded
    }

    /// The real directory of a module that may be loaded now.
    fn enter(&self, directory: &Path, source: Option<Span>) -> Result<PathBuf, Diagnostic> {
        let at_source = |problem: Diagnostic| source.map_or(problem.clone(), |span| problem.at(span));
        let real = self.root.real(directory).map_err(|error| {
            let shown = if source.is_some() { directory } else { self.root.shown() };
            let problem =
                Diagnostic::error(if source.is_some() { "Unreadable module directory" } else { "No configuration" });
            at_source(problem.detail(format!("The directory {} cannot be read: {error}.", shown.display())))
        })?;
        if self.calling.contains(&real) {
            let problem = Diagnostic::error("Module calls itself");
            return Err(at_source(problem.detail(format!(
                "The module in {} is called by itself, directly or through other modules, so it would never end.",
                directory.display()
            ))));
        }
        if self.calling.len() >= MAX_MODULE_DEPTH {
            let problem = Diagnostic::error("Modules nested too deeply");
            return Err(at_source(problem.detail(format!("Modules can be nested {MAX_MODULE_DEPTH} deep."))));
        }
        Ok(real)
    }

    fn load_files(&mut self, directory: &Path, source: Option<Span>) -> Loaded {
        let is_root = source.is_none();
        let shown = if is_root { String::new() } else { directory.display().to_string() };
        let mut problems = Diagnostics::new();
        let files = match self.root {
            Root::Directory(root) => read_module(&root.join(directory), &shown, &mut self.sources, &mut problems),
            Root::Kept => kept_module(&shown, &self.sources),
        };
        if files.primary.is_empty() && !problems.has_errors() {
            problems.extend(self.no_files(directory, &files, source));
        }
        let mut bodies = self.parse(&files.primary, &mut problems);
        let overriding = self.parse(&files.overrides, &mut problems);
        let is_whole = !problems.has_errors();
        overrides::merge(&mut bodies, overriding, self.known, &mut problems);
        self.diagnostics.extend(problems);

        let mut declarations = Declarations::new(self.known, is_root);
        bodies.into_iter().for_each(|body| declarations.add(body));
        let Declarations { mut module, settings, calls, places, diagnostics, .. } = declarations;
        self.diagnostics.extend(diagnostics);
        if is_root {
            self.settings = settings;
        }
        module.directory = directory.to_owned();
        for call in calls {
            let call = self.call(directory, call);
            module.calls.insert(call.name.name.clone(), Arc::new(call));
        }
        Loaded { module: Arc::new(module), places: Arc::new(places), is_whole }
    }

    fn parse(&self, files: &[SourceFile], diagnostics: &mut Diagnostics) -> Vec<Body> {
        let mut bodies = Vec::with_capacity(files.len());
        for file in files {
            let Some(source) = self.sources.get(file.id) else { continue };
            let (body, problems) = match file.form {
                Form::Native => parse_body(file.id, &source.text),
                Form::Json => parse_json_body(file.id, &source.text),
            };
            diagnostics.extend(problems);
            bodies.push(body);
        }
        bodies
    }

    fn no_files(&self, directory: &Path, files: &ModuleFiles, source: Option<Span>) -> Option<Diagnostic> {
        let shown = if source.is_some() { directory } else { self.root.shown() };
        let problem = Diagnostic::error("No configuration files")
            .detail(format!("There is no file that ends in .hcl or .hcl.json in {}.", shown.display()));
        let problem = source.map_or(problem.clone(), |span| problem.at(span));
        Some(match files.terraform.first() {
            Some(first) => {
                let renamed = first.replace(".tf", ".hcl");
                problem.help(format!(
                    "There are files of Terraform. Rename {first} to {renamed}, name its terraform block portolan, and \
                     so on with the others."
                ))
            }
            None => problem,
        })
    }

    fn call(&mut self, caller: &Path, call: CallBlock) -> ModuleCall {
        let (source, span) = &call.source;
        let loaded = self.module(normal(&caller.join(&**source)), Some(*span));
        if loaded.is_whole {
            self.check_arguments(&call, &loaded);
        }
        let CallBlock { name, source: (source, _), arguments, repetition, depends_on, span, .. } = call;
        ModuleCall { name, source, module: loaded.module, arguments, repetition, depends_on, span }
    }

    fn check_arguments(&mut self, call: &CallBlock, loaded: &Loaded) {
        let declared = |name: &str| loaded.places.contains_key(&*format!("var.{name}"));
        for (name, _) in call.arguments.values() {
            if !declared(&name.name) {
                let known = loaded.module.variables.keys().map(|name| &**name);
                self.diagnostics.push(unsupported_argument(name, known));
            }
        }
        for variable in loaded.module.variables.values() {
            let name = &variable.name;
            if variable.default.is_none() && !call.arguments.contains_key(&name.name) {
                self.diagnostics.push(missing_argument(&name.name, call.body).label(variable.span, "declared here"));
            }
        }
    }
}

/// A relative path without `.` and without what `..` takes back.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    if normal.as_os_str().is_empty() { PathBuf::from(".") } else { normal }
}
