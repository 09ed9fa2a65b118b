"use strict";
// Shows openapi.json. Everything is put in as text, never as markup.

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  for (const child of children) element.append(child);
  return element;
}

function kindOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" | ");
  if (schema.type === "array") return "list of " + (kindOf(schema.items) || "anything");
  const limits = [];
  if (schema.minimum !== undefined) limits.push("≥ " + schema.minimum);
  if (schema.maximum !== undefined) limits.push("≤ " + schema.maximum);
  if (schema.default !== undefined && schema.default !== "") limits.push("default " + JSON.stringify(schema.default));
  return (schema.type || "anything") + (limits.length ? " (" + limits.join(", ") + ")" : "");
}

function table(heads, rows) {
  const head = make("tr", null, ...heads.map((text) => make("th", null, text)));
  return make("table", null, head, ...rows.map((row) => make("tr", null, ...row.map((text) => make("td", null, text)))));
}

function expanded(schema, all, depth) {
  if (!schema || typeof schema !== "object" || depth > 8) return schema;
  if (Array.isArray(schema)) return schema.map((one) => expanded(one, all, depth + 1));
  if (schema.$ref) return expanded(all[schema.$ref.split("/").pop()], all, depth + 1);
  return Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, expanded(one, all, depth + 1)]));
}

function operation(path, method, told, all) {
  const box = make("details", { "data-words": [path, method, told.summary, told.tags].join(" ").toLowerCase() },
    make("summary", null, make("span", { class: "method " + method }, method.toUpperCase()),
      make("span", { class: "path" }, path), make("span", { class: "words" }, told.summary || "")));
  box.addEventListener("toggle", () => {
    if (!box.open || box.dataset.filled) return;
    box.dataset.filled = "yes";
    if (told.description) box.append(make("p", null, told.description));
    const parameters = told.parameters || [];
    if (parameters.length) {
      box.append(make("h4", null, "Parameters"), table(["name", "in", "kind", "meaning"],
        parameters.map((one) => [one.name + (one.required ? " *" : ""), one.in, kindOf(one.schema), one.description || ""])));
    }
    for (const [media, content] of Object.entries((told.requestBody || {}).content || {})) {
      box.append(make("h4", null, "Body: " + media),
        make("pre", null, JSON.stringify(expanded(content.schema, all, 0), null, 2)));
    }
    box.append(make("h4", null, "Answers"),
      table(["status", "meaning"], Object.entries(told.responses).map(([status, one]) => [status, one.description])));
  });
  return box;
}

async function main() {
  const place = document.getElementById("operations");
  const told = await (await fetch("/api/v1/openapi.json")).json();
  document.getElementById("version").textContent = told.info.version;
  const groups = new Map();
  for (const [path, methods] of Object.entries(told.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      const tag = (one.tags || [])[0] || "other";
      if (!groups.has(tag)) groups.set(tag, make("section", null, make("h2", null, tag)));
      groups.get(tag).append(operation(path, method, one, told.components.schemas));
    }
  }
  place.replaceChildren(...groups.values());
  document.getElementById("filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const box of place.querySelectorAll("details")) {
      box.hidden = !words.every((word) => box.dataset.words.includes(word));
    }
  });
}

main().catch((error) => { document.getElementById("operations").textContent = "Cannot load the description: " + error; });
