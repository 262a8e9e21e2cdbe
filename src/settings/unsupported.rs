//! Options of SAM CLI for what is not emulated.

use super::SettingsError;
use crate::cli::CommonArgs;

/// Refuses what would change the result; SAM CLI's own words for what it would refuse too.
pub(super) fn refuse(args: &CommonArgs) -> Result<(), SettingsError> {
    let unsupported = &args.unsupported;
    let template = args.template.template.is_some() || args.template.parameter_overrides.is_some();
    let text = match &unsupported.hook_name {
        Some(name) if name != "terraform" => {
            format!(
                "Invalid value: {name} is not a valid hook name.\nvalid package ids: ['terraform']"
            )
        }
        Some(_) if template => {
            "Invalid value: Parameters hook-name, and t,template-file,template,parameter-overrides \
                                cannot be used together"
                .to_owned()
        }
        Some(_) => {
            return Err(SettingsError::Unsupported(
                "Terraform projects are not read: run `sam build --hook-name terraform` first, and leave the option out",
            ));
        }
        None if unsupported.skip_prepare_infra || unsupported.terraform_plan_file.is_some() => {
            "Missing option --hook-name".to_owned()
        }
        None if unsupported.durable_execution_name.is_some() => {
            return Err(SettingsError::Unsupported(
                "durable functions are not run here: leave out --durable-execution-name",
            ));
        }
        None => return Ok(()),
    };
    Err(SettingsError::Usage(text))
}
