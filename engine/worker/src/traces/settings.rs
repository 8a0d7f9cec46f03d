//! Where traces go, from the variables that OpenTelemetry has for it.

use base::Secret;

/// The service's name where nobody gives it one.
const SERVICE: &str = "flowright";

/// Where spans are sent, and what they say about whoever sends them.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector's address, path included.
    pub url: String,
    /// Headers of every request, which may hold a key.
    pub headers: Vec<(String, Secret<String>)>,
    /// Attributes of the process.
    pub resource: Vec<(String, String)>,
}

impl TraceSettings {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT` and what belongs to it; none if traces are not asked for.
    ///
    /// # Errors
    /// Names the variable that asks for what is not there.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let given = |name: &str| variable(name).filter(|it| !it.trim().is_empty());
        let of_traces = |end: &str| {
            let own = format!("OTEL_EXPORTER_OTLP_TRACES_{end}");
            given(&own).or_else(|| given(&format!("OTEL_EXPORTER_OTLP_{end}")))
        };
        let is =
            |name: &str, word: &str| given(name).is_some_and(|it| it.eq_ignore_ascii_case(word));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let base = given("OTEL_EXPORTER_OTLP_ENDPOINT");
        let base = base.map(|it| format!("{}/v1/traces", it.trim_end_matches('/')));
        let Some(url) = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or(base) else {
            return Ok(None);
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err("`OTEL_EXPORTER_OTLP_ENDPOINT` is no address: write it as in \
                        `http://localhost:4318`"
                .to_owned());
        }
        if let Some(protocol) = of_traces("PROTOCOL").filter(|it| it != "http/json") {
            return Err(format!(
                "`OTEL_EXPORTER_OTLP_PROTOCOL` is `{protocol}`, but traces are sent as `http/json` only; \
                 collectors take it at the port of `http/protobuf`"
            ));
        }
        let headers = pairs(&of_traces("HEADERS").unwrap_or_default());
        let headers = headers.into_iter().map(|(name, value)| (name, Secret::new(value)));
        let mut resource = pairs(&given("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
        let named = given("OTEL_SERVICE_NAME");
        if named.is_some() || !resource.iter().any(|(name, _)| name == "service.name") {
            resource.retain(|(name, _)| name != "service.name");
            let name = named.unwrap_or_else(|| SERVICE.to_owned());
            resource.insert(0, ("service.name".to_owned(), name));
        }
        Ok(Some(Self { url, headers: headers.collect(), resource }))
    }
}

/// `name=value,name=value`, values escaped as in addresses.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |it: &str| {
        let (name, value) = it.split_once('=')?;
        let value = value.trim();
        let value = crate::hooks::unescaped(value).unwrap_or_else(|| value.to_owned());
        Some((name.trim().to_owned(), value))
    };
    text.split(',').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::TraceSettings;

    fn read(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        TraceSettings::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_standard_variables_are_read() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let found = read(variables).unwrap().map(|it| {
                let headers =
                    it.headers.iter().map(|(name, value)| format!("{name}={}", value.expose()));
                let resource = it.resource.iter().map(|(name, value)| format!("{name}={value}"));
                let all: Vec<String> =
                    std::iter::once(it.url).chain(headers).chain(resource).collect();
                all.join(" ")
            });
            assert_eq!(found.as_deref(), expected, "{variables:?}");
        };
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
        check(&[], None);
        check(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], None);
        check(&[base, ("OTEL_SDK_DISABLED", "TRUE")], None);
        check(&[base, ("OTEL_TRACES_EXPORTER", "none")], None);
        check(&[base], Some("http://c:4318/v1/traces service.name=flowright"));
        check(
            &[base, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/x")],
            Some("https://t/x service.name=flowright"),
        );
        check(
            &[base, ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20k, x=1")],
            Some("http://c:4318/v1/traces authorization=Bearer k x=1 service.name=flowright"),
        );
        check(
            &[
                base,
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,zone=b"),
                ("OTEL_SERVICE_NAME", "c"),
            ],
            Some("http://c:4318/v1/traces service.name=c zone=b"),
        );
        check(
            &[
                base,
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ],
            Some("http://c:4318/v1/traces service.name=a"),
        );
        read(&[base, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err();
        read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]).unwrap_err();
    }
}
