//! The OpenAPI document as a client reads it. Stricter than JSON Schema: what is not documented is refused.

use super::Answer;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// The document.
pub(crate) struct Document(pub(crate) Value);

/// A method of a path.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The path with its parameters in braces.
    pub(crate) template: String,
    about: Value,
}

type Check = Result<(), String>;

impl Operation {
    pub(crate) fn takes_body(&self) -> bool {
        self.about.get("requestBody").is_some()
    }

    /// Whether it says that it needs no token.
    pub(crate) fn is_open(&self) -> bool {
        self.about["security"]
            .as_array()
            .is_some_and(|needed| needed.iter().any(|scheme| scheme == &Value::Object(Map::new())))
    }

    /// The names of the query parameters that are ids.
    pub(crate) fn id_filters(&self) -> Vec<String> {
        let parameters = self.about["parameters"].as_array().cloned().unwrap_or_default();
        let is_id = |about: &&Value| about["in"] == "query" && about["schema"]["format"] == "uuid";
        parameters.iter().filter(is_id).map(|about| about["name"].as_str().unwrap().to_owned()).collect()
    }
}

impl Document {
    /// Every method of every path.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().unwrap();
        let operation = |template: &String, method: &String, about: &Value| Operation {
            method: method.to_uppercase().parse().unwrap(),
            template: template.clone(),
            about: about.clone(),
        };
        let of_path = |(template, item): (&String, &Value)| {
            let item = item.as_object().unwrap().clone();
            item.iter().map(|(method, about)| operation(template, method, about)).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// Whether `answer` is one that the document tells of.
    pub(crate) fn allows(&self, method: &Method, path: &str, answer: &Answer) -> Check {
        let method = if method == Method::HEAD { Method::GET } else { method.clone() };
        let operations = self.operations();
        let of_path: Vec<_> = operations.iter().filter(|operation| is_at(path, &operation.template)).collect();
        let Some(operation) = of_path.iter().find(|operation| operation.method == method) else {
            let expected = if of_path.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::METHOD_NOT_ALLOWED };
            return (answer.status == expected).then_some(()).ok_or_else(|| "there is no such operation".into());
        };
        self.allows_of(operation, answer)
    }

    fn allows_of(&self, operation: &Operation, answer: &Answer) -> Check {
        let response = &operation.about["responses"][answer.status.as_str()];
        let response = response.as_object().ok_or("this status is not documented")?;
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            return answer.body.is_empty().then_some(()).ok_or_else(|| "a body is not documented".into());
        };
        let media_type = answer.header("content-type").split(';').next().unwrap_or_default();
        let schema = &content.get(media_type).ok_or_else(|| format!("{media_type} is not documented"))?["schema"];
        match serde_json::from_slice(&answer.body) {
            Ok(value) if media_type.ends_with("json") => self.is_a(schema, &value),
            _ => Ok(()),
        }
    }

    /// Whether `value` is what `schema` says.
    fn is_a(&self, schema: &Value, value: &Value) -> Check {
        let schema = self.resolved(schema);
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            let fits = choices.iter().any(|choice| self.is_a(choice, value).is_ok());
            return fits.then_some(()).ok_or_else(|| format!("{value} is none of {choices:?}"));
        }
        let (properties, required) = self.fields(schema);
        if !properties.is_empty() {
            return self.has_fields(&properties, &required, value);
        }
        is_of_type(schema, value)?;
        match (schema.get("items"), value) {
            (Some(items), Value::Array(values)) => values.iter().try_for_each(|value| self.is_a(items, value)),
            _ => Ok(()),
        }
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(place) => self.0.pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("{place}")),
            None => schema,
        }
    }

    /// The properties of an object, those of what it extends among them, and which must be there.
    fn fields(&self, schema: &Value) -> (Map<String, Value>, BTreeSet<String>) {
        let schema = self.resolved(schema);
        let mut properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let names = schema["required"].as_array().cloned().unwrap_or_default();
        let mut required: BTreeSet<_> = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            assert_eq!(self.resolved(part).get("additionalProperties"), None, "what is extended must be open: {part}");
            let (more, needed) = self.fields(part);
            properties.extend(more);
            required.extend(needed);
        }
        (properties, required)
    }

    fn has_fields(&self, properties: &Map<String, Value>, required: &BTreeSet<String>, value: &Value) -> Check {
        let object = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
        if let Some(missing) = required.iter().find(|name| !object.contains_key(*name)) {
            return Err(format!("{missing} is missing"));
        }
        for (name, value) in object {
            let schema = properties.get(name).ok_or_else(|| format!("{name} is not documented"))?;
            self.is_a(schema, value).map_err(|why| format!("{name}: {why}"))?;
        }
        Ok(())
    }
}

fn is_at(path: &str, template: &str) -> bool {
    let (path, template): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
    let fits = |(part, wanted): (&&str, &&str)| wanted.starts_with('{') || part == wanted;
    path.len() == template.len() && path.iter().zip(&template).all(fits)
}

fn is_of_type(schema: &Value, value: &Value) -> Check {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let names = |wanted: &Value| wanted == kind || (wanted == "number" && kind == "integer");
    let wanted = &schema["type"];
    if !wanted.is_null() && !names(wanted) && !wanted.as_array().is_some_and(|kinds| kinds.iter().any(names)) {
        return Err(format!("{value} is no {wanted}"));
    }
    let choices = schema["enum"].as_array();
    if choices.is_some_and(|choices| !choices.contains(value)) {
        return Err(format!("{value} is none of {choices:?}"));
    }
    value.as_str().map_or(Ok(()), |text| is_of_format(&schema["format"], text))
}

fn is_of_format(format: &Value, text: &str) -> Check {
    let iso_date = time::format_description::well_known::Iso8601::DATE;
    let is_right = match format.as_str() {
        Some("uuid") => Uuid::parse_str(text).is_ok(),
        Some("date-time") => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
        Some("date") => Date::parse(text, &iso_date).is_ok() && text.len() == 10,
        _ => true,
    };
    is_right.then_some(()).ok_or_else(|| format!("{text} is no {format}"))
}
