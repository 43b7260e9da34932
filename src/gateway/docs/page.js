
"use strict";

// Longer ones say less than the words beside them.
const LONGEST_PATTERN = 60;

// Whatever the document says becomes text, never markup.
function make(name, text, attributes) {
  const element = document.createElement(name);
  if (text !== undefined && text !== null) element.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  return element;
}

// The same with what stands in back-quotes as code.
function told(name, text) {
  const element = make(name);
  (text || "").split("`").forEach((part, n) => element.append(n % 2 ? make("code", part) : part));
  return element;
}

function resolved(api, thing) {
  let found = thing;
  for (let hops = 0; found && found.$ref && hops < 10; hops += 1) {
    found = found.$ref.slice(2).split("/").reduce((at, part) => at && at[part], api);
  }
  return found || {};
}

// A schema in one line, as people would write it down.
function shape(api, schema, depth) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 1 ? name : name + " " + shape(api, resolved(api, schema), depth + 1);
  }
  const choice = schema.anyOf || schema.oneOf;
  if (choice) return choice.map((each) => shape(api, each, depth + 1)).join(" | ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.type === "array") return "[" + shape(api, schema.items, depth + 1) + ", …]";
  if (schema.properties) {
    const required = new Set(schema.required || []);
    const members = Object.entries(schema.properties).map(([name, inside]) =>
      "  ".repeat(depth + 1) + name + (required.has(name) ? "" : "?") + ": " + shape(api, inside, depth + 1));
    return "{\n" + members.join(",\n") + "\n" + "  ".repeat(depth) + "}";
  }
  const rules = [];
  if (schema.pattern && schema.pattern.length <= LONGEST_PATTERN) rules.push("/" + schema.pattern + "/");
  if (schema.minLength !== undefined) rules.push("from " + schema.minLength + " characters");
  if (schema.maxLength !== undefined) rules.push("up to " + schema.maxLength + " characters");
  if (schema.minimum !== undefined) rules.push("from " + schema.minimum);
  if (schema.maximum !== undefined) rules.push("up to " + schema.maximum);
  if (schema.description) rules.push(schema.description.replace(/[.]$/, "").replaceAll("`", ""));
  const type = [].concat(schema.type || "anything").join(" or ");
  return rules.length ? type + " (" + rules.join(", ") + ")" : type;
}

function quoted(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

function sample(api, schema) {
  const plain = resolved(api, schema);
  if (plain.examples) return plain.examples[0];
  if (plain.anyOf) return sample(api, plain.anyOf[0]);
  if (plain.enum) return plain.enum[0];
  if (plain.properties) {
    return Object.fromEntries((plain.required || []).map((name) => [name, sample(api, plain.properties[name])]));
  }
  const type = [].concat(plain.type)[0];
  return { array: [], boolean: true, integer: 1, number: 1, string: "…" }[type] ?? null;
}

function credential(api, operation) {
  const first = (operation.security || [])[0];
  const scheme = first && resolved(api, api.components.securitySchemes[Object.keys(first)[0]]);
  if (!scheme) return [];
  if (scheme.type === "apiKey") return ["-H " + quoted(scheme.name + ": $TOKEN").replace("$TOKEN", "'\"$TOKEN\"'")];
  if (scheme.scheme === "basic") return ["-u \"$NAME:$PASSWORD\""];
  return ["-H \"Authorization: Bearer $TOKEN\""];
}

function curl(api, method, path, operation) {
  const words = ["curl", "-X", method.toUpperCase(), ...credential(api, operation)];
  const content = (operation.requestBody || {}).content || {};
  const type = content["application/json"] ? "application/json" : Object.keys(content)[0];
  if (type) {
    const body = sample(api, content[type].schema);
    if (type === "multipart/form-data") {
      for (const [name, value] of Object.entries(body)) {
        const line = ((((content[type].encoding || {})[name] || {}).headers || {})["Content-Disposition"] || {}).example;
        const file = ((line || "").match(/filename="(.*)"/) || [])[1];
        words.push("-F " + quoted(name + "=" + (file ? "@" + file : value)));
      }
    } else {
      words.push("-H " + quoted("Content-Type: " + type), "-d " + quoted(JSON.stringify(body)));
    }
  }
  words.push(quoted(location.origin + path));
  return words.join(" ");
}

function table(head, rows) {
  const all = make("table");
  const first = all.appendChild(make("tr"));
  for (const cell of head) first.append(make("th", cell));
  for (const row of rows) {
    const line = all.appendChild(make("tr"));
    for (const cell of row) line.append(typeof cell === "string" ? told("td", cell) : cell);
  }
  return all;
}

function content(api, kinds) {
  const cell = make("td");
  for (const [type, inside] of Object.entries(kinds || {})) {
    cell.append(make("code", type));
    if (inside.schema) cell.append(make("pre", shape(api, inside.schema, 0)));
  }
  return cell;
}

function shown(api, path, method, operation) {
  const box = make("details", null, { id: operation.operationId });
  const line = box.appendChild(make("summary"));
  const locked = (operation.security || []).length > 0;
  line.append(make("code", method.toUpperCase(), { class: "method" }), make("code", path));
  line.append(make("span", operation.summary, { class: "about" }));
  if (locked) line.append(make("span", "signed in", { class: "locked" }));
  for (const part of (operation.description || "").split("\n\n")) if (part) box.append(told("p", part));
  if (locked) {
    const accepted = operation.security.map((each) => Object.keys(each)[0] || "none").join(", ");
    box.append(make("p", "Credentials: any of " + accepted + "."));
  }
  const parameters = (operation.parameters || []).map((each) => resolved(api, each));
  if (parameters.length) {
    box.append(make("h3", "Parameters"), table(["name", "in", "what", "form"], parameters.map((each) =>
      [each.name + (each.required ? "" : "?"), each.in, each.description || "", shape(api, each.schema, 0)])));
  }
  if (operation.requestBody) {
    box.append(make("h3", "Body"), table(["form"], [[content(api, operation.requestBody.content)]]));
  }
  const answers = Object.entries(operation.responses).map(([status, each]) => {
    const answer = resolved(api, each);
    return [status, answer.description, content(api, answer.content)];
  });
  box.append(make("h3", "Answers"), table(["status", "when", "body"], answers));
  box.append(make("h3", "Try it"), make("pre", curl(api, method, path, operation)));
  box.dataset.words = [path, method, operation.summary, operation.description].join(" ").toLowerCase();
  return box;
}

function show(api) {
  document.getElementById("title").textContent = api.info.title + " " + api.info.version;
  document.getElementById("about").textContent = api.info.description;
  const place = document.getElementById("operations");
  place.replaceChildren();
  for (const tag of api.tags || []) {
    const section = place.appendChild(make("section", null, { id: "tag-" + tag.name }));
    section.append(make("h2", tag.name), make("p", tag.description));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if ((operation.tags || []).includes(tag.name)) section.append(shown(api, path, method, operation));
      }
    }
    document.getElementById("tags").append(make("a", tag.name, { href: "#tag-" + tag.name }));
  }
  const wanted = location.hash && document.getElementById(location.hash.slice(1));
  if (wanted) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
}

document.getElementById("find").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const box of document.querySelectorAll("details")) {
    box.hidden = !words.every((word) => box.dataset.words.includes(word));
  }
});

fetch("/api/openapi.json").then((answer) => answer.json()).then(show, () => {
  document.getElementById("operations").replaceChildren(make("p", "The document cannot be read."));
});
