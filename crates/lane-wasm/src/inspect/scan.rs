//! One pass over the sections of a component, from the outside in.
//!
//! Each section is counted before it is validated, so that what is validated is bounded.
//!
//! What never happens here: a section skipped, but for custom sections, which no engine reads as code.

use omega_contract::CapabilitySet;
use omega_contract::ports::LaneRefusal;
use wasmparser::{
    ComponentExternalKind, ComponentInstance, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody,
    Instance, Payload, SectionLimited, ValidPayload, Validator, ValidatorResources,
};

use super::bounds::{
    CODE_BYTES_MAX, CODE_COST_MAX, COMPONENT_BYTES_MAX, COMPONENT_TYPE_BYTES_MAX, ComponentShape, Count, Expansion,
    FUNCTION_COST_MAX, FUNCTIONS_MAX, IMAGE_BYTES_MAX, MODULE_ITEMS_MAX, MODULES_MAX, NESTED_COMPONENTS_MAX,
    NESTING_MAX, TABLE_START_MAX, at_most,
};
use super::interfaces::check_import;
use super::module::{FUNCTION_BASE_COST, ModuleShape};
use super::{FEATURES, function, invalid, not_wasm};
use crate::options::CORE_INSTANCES_MAX;

/// What is known of the component so far.
pub(crate) struct Scan<'a> {
    held: &'a CapabilitySet,
    validator: Validator,
    allocations: FuncValidatorAllocations,
    levels: Vec<Level>,
    /// Functions that the outermost component exports.
    functions_exported: Vec<String>,
    expansion: Expansion,
    counts: Counts,
}

struct Counts {
    code_bytes: Count,
    functions: Count,
    module_items: Count,
    modules: Count,
    image_bytes: Count,
    core_instances: Count,
    nested_components: Count,
    component_type_bytes: Count,
    code_cost: Count,
}

/// What is being read.
enum Level {
    Component(ComponentShape),
    Module(ModuleShape),
}

type Done = Result<(), LaneRefusal>;

impl<'a> Scan<'a> {
    pub(crate) fn new(held: &'a CapabilitySet) -> Self {
        Self {
            held,
            validator: Validator::new_with_features(FEATURES),
            allocations: FuncValidatorAllocations::default(),
            levels: Vec::new(),
            functions_exported: Vec::new(),
            expansion: Expansion::new(),
            counts: Counts {
                code_bytes: Count::new("bytes of code", CODE_BYTES_MAX),
                functions: Count::new("functions", FUNCTIONS_MAX),
                module_items: Count::new("items of core modules", MODULE_ITEMS_MAX),
                modules: Count::new("core modules", MODULES_MAX),
                image_bytes: Count::new("bytes of memory images", IMAGE_BYTES_MAX),
                core_instances: Count::new("core instances", u64::from(CORE_INSTANCES_MAX)),
                nested_components: Count::new("components inside", NESTED_COMPONENTS_MAX),
                component_type_bytes: Count::new("bytes of component types", COMPONENT_TYPE_BYTES_MAX),
                code_cost: Count::new("units of compile cost together", CODE_COST_MAX),
            },
        }
    }

    /// Checks the size of the whole file.
    ///
    /// # Errors
    /// `component_invalid`.
    pub(crate) fn bytes(&self, bytes: usize) -> Done {
        at_most("bytes", bytes as u64, COMPONENT_BYTES_MAX)
    }

    /// Takes the next section.
    ///
    /// # Errors
    /// `component_invalid` or `import_forbidden`.
    pub(crate) fn payload(&mut self, payload: &Payload<'_>) -> Done {
        self.count(payload)?;
        match self.validator.payload(payload).map_err(|error| not_wasm(&error))? {
            ValidPayload::Func(function, body) => self.function(function, &body),
            ValidPayload::End(_) => self.end(),
            ValidPayload::Ok | ValidPayload::Parser(_) => Ok(()),
        }
    }

    /// Everything was read.
    ///
    /// # Errors
    /// `component_invalid`: it lacks the export, or it was cut off.
    pub(crate) fn finish(self, export: &str) -> Done {
        if !self.levels.is_empty() {
            return Err(invalid("it is cut off".to_owned()));
        }
        self.expansion.check()?;
        if self.functions_exported.iter().any(|name| name == export) {
            return Ok(());
        }
        let others = self.functions_exported.join(", ");
        Err(invalid(format!("it exports no function {export:?}, but: [{others}]")))
    }

    fn count(&mut self, payload: &Payload<'_>) -> Done {
        use Payload as P;
        match payload {
            P::Version { encoding, .. } => self.begin(*encoding),
            P::TypeSection(section) => {
                self.module_items(section)?;
                self.costs(|module| module.types(section))
            }
            P::ImportSection(section) => {
                self.module_items(section)?;
                self.starts_up(|module| module.imports(section))
            }
            P::TableSection(section) => {
                self.module_items(section)?;
                for table in section.clone() {
                    let table = table.map_err(|error| not_wasm(&error))?;
                    at_most("elements at the start of a table", table.ty.initial, TABLE_START_MAX)?;
                }
                self.starts_up(|module| module.tables(section))
            }
            P::MemorySection(section) => {
                self.module_items(section)?;
                self.starts_up(|module| module.memories(section))
            }
            P::TagSection(section) => self.module_items(section),
            P::GlobalSection(section) => {
                self.module_items(section)?;
                self.starts_up(|module| module.globals(section))
            }
            P::ExportSection(section) => self.module_items(section),
            P::ElementSection(section) => {
                self.module_items(section)?;
                self.starts_up(|module| module.elements(section))
            }
            P::DataSection(section) => {
                self.module_items(section)?;
                self.starts_up(|module| module.data(section))
            }
            P::FunctionSection(section) => {
                self.counts.functions.add(u64::from(section.count()))?;
                self.costs(|module| module.functions(section))
            }
            P::CodeSectionStart { size, .. } => self.counts.code_bytes.add(u64::from(*size)),
            P::InstanceSection(section) => self.core_instances(section),
            P::CoreTypeSection(section) => self.component_types(section),
            P::ComponentInstanceSection(section) => self.component_instances(section),
            P::ComponentAliasSection(section) => self.component_items(section),
            P::ComponentTypeSection(section) => self.component_types(section),
            P::ComponentCanonicalSection(section) => {
                self.no_code_inside()?;
                self.component_items(section)?;
                self.counts.code_cost.add(u64::from(section.count()).saturating_mul(FUNCTION_BASE_COST))
            }
            P::ComponentImportSection(section) => self.imports(section),
            P::ComponentExportSection(section) => self.exports(section),
            // Neither counts anything, and what is not known the validator refuses.
            _ => Ok(()),
        }
    }

    fn begin(&mut self, encoding: Encoding) -> Done {
        match (encoding, self.levels.is_empty()) {
            (Encoding::Module, true) => {
                return Err(invalid("it is a core module, not a component; build it for wasm32-wasip2".to_owned()));
            }
            (Encoding::Module, false) => {
                self.counts.modules.add(1)?;
                self.levels.push(Level::Module(ModuleShape::default()));
            }
            (Encoding::Component, outermost) => {
                self.counts.nested_components.add(u64::from(!outermost))?;
                self.levels.push(Level::Component(ComponentShape::default()));
            }
        }
        at_most("levels of components in each other", self.levels.len() as u64, NESTING_MAX)
    }

    fn end(&mut self) -> Done {
        match self.levels.pop() {
            Some(Level::Component(shape)) if self.levels.is_empty() => self.expansion.root(shape),
            Some(Level::Component(shape)) => self.expansion.nested(shape),
            Some(Level::Module(module)) => {
                self.counts.image_bytes.add(module.image_bytes())?;
                return self.counts.code_cost.add(module.startup_cost());
            }
            None => {}
        }
        Ok(())
    }

    fn function(&mut self, function: FuncToValidate<ValidatorResources>, body: &FunctionBody<'_>) -> Done {
        let mut validator = function.into_validator(std::mem::take(&mut self.allocations));
        let index = validator.index();
        let cost = function::cost(&mut validator, body).map_err(|error| not_wasm(&error))?;
        self.allocations = validator.into_allocations();
        if cost > FUNCTION_COST_MAX {
            return Err(invalid(format!(
                "its function {index} costs {cost} units to compile, at most {FUNCTION_COST_MAX} are taken"
            )));
        }
        self.counts.code_cost.add(cost)
    }

    /// Adds what the engine writes for the module that is being read.
    fn costs(&mut self, of: impl FnOnce(&mut ModuleShape) -> wasmparser::Result<u64>) -> Done {
        let Some(Level::Module(module)) = self.levels.last_mut() else { return Ok(()) };
        let cost = of(module).map_err(|error| not_wasm(&error))?;
        self.counts.code_cost.add(cost)
    }

    /// Adds to what the start-up function of the module that is being read costs. It is one function.
    fn starts_up(&mut self, with: impl FnOnce(&mut ModuleShape) -> wasmparser::Result<()>) -> Done {
        let Some(Level::Module(module)) = self.levels.last_mut() else { return Ok(()) };
        with(module).map_err(|error| not_wasm(&error))?;
        at_most("units of compile cost in the start-up of a module", module.startup_cost(), FUNCTION_COST_MAX)
    }

    /// A component inside with code of its own is composed with another one by code that the engine writes: it is not
    /// counted, it fails for any two that have a memory each, and no build of a single plugin needs it.
    fn no_code_inside(&self) -> Done {
        if self.levels.len() > 1 {
            return Err(invalid(
                "a component inside it has code of its own; make a pipeline of plugins, not a plugin of components"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    fn component_types<T>(&mut self, section: &SectionLimited<'_, T>) -> Done {
        self.component_items(section)?;
        let range = section.range();
        self.counts.component_type_bytes.add((range.end - range.start) as u64)
    }

    fn module_items<T>(&mut self, section: &SectionLimited<'_, T>) -> Done {
        self.counts.module_items.add(u64::from(section.count()))
    }

    fn component_items<T>(&mut self, section: &SectionLimited<'_, T>) -> Done {
        if let Some(Level::Component(shape)) = self.levels.last_mut() {
            shape.items += u64::from(section.count());
        }
        Ok(())
    }

    fn core_instances(&mut self, section: &SectionLimited<'_, Instance<'_>>) -> Done {
        self.component_items(section)?;
        for instance in section.clone() {
            let instance = instance.map_err(|error| not_wasm(&error))?;
            if let Instance::Instantiate { .. } = instance {
                self.no_code_inside()?;
                self.counts.core_instances.add(1)?;
            }
        }
        Ok(())
    }

    fn component_instances(&mut self, section: &SectionLimited<'_, ComponentInstance<'_>>) -> Done {
        self.component_items(section)?;
        for instance in section.clone() {
            let instance = instance.map_err(|error| not_wasm(&error))?;
            if let (ComponentInstance::Instantiate { .. }, Some(Level::Component(shape))) =
                (instance, self.levels.last_mut())
            {
                shape.component_instances += 1;
            }
        }
        Ok(())
    }

    fn imports(&mut self, section: &SectionLimited<'_, wasmparser::ComponentImport<'_>>) -> Done {
        self.component_items(section)?;
        if self.levels.len() > 1 {
            // Given by the component around it, which can give no more than it was given itself.
            return Ok(());
        }
        for import in section.clone() {
            check_import(&import.map_err(|error| not_wasm(&error))?, self.held)?;
        }
        Ok(())
    }

    fn exports(&mut self, section: &SectionLimited<'_, wasmparser::ComponentExport<'_>>) -> Done {
        self.component_items(section)?;
        if self.levels.len() > 1 {
            return Ok(());
        }
        for export in section.clone() {
            let export = export.map_err(|error| not_wasm(&error))?;
            if export.kind == ComponentExternalKind::Func {
                self.functions_exported.push(export.name.name.to_owned());
            }
        }
        Ok(())
    }
}
