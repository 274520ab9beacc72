/**
 * The rule that holds the house together, as a plugin of `deno lint`: nothing in `lib/` outside `lib/ports/nats/`
 * touches a timer, the clock, randomness, the network, `Deno.*` or `node:*`. It all comes in through ports.
 *
 * @module
 */

/** Names of the world outside. They may not even be declared, so that none can hide another. */
const worldNames = new Map([
  ["Deno", "a port"],
  ["process", "a port"],
  ["Buffer", "Uint8Array"],
  ["require", "import"],
  ["globalThis", "a port"],
  ["global", "a port"],
  ["eval", "code that stands there"],
  ["Function", "code that stands there"],
  ["Atomics", "the Clock port"],
  ["navigator", "a port"],
  ["localStorage", "the Kv port"],
  ["performance", "the Clock port"],
  ["Temporal", "the Clock port"],
  ["setTimeout", "the Clock port"],
  ["clearTimeout", "the Clock port"],
  ["setInterval", "the Clock port"],
  ["clearInterval", "the Clock port"],
  ["setImmediate", "the Clock port"],
  ["crypto", "the Random port"],
  ["fetch", "a port"],
  ["WebSocket", "a port"],
  ["EventSource", "a port"],
  ["BroadcastChannel", "a port"],
  ["MessageChannel", "the Clock port"],
  ["Worker", "a port"],
  ["WeakRef", "something that is closed"],
  ["FinalizationRegistry", "something that is closed"],
  ["Intl", "a format of your own"],
  ["Blob", "Uint8Array"],
  ["WebAssembly", "code that stands there"],
  ["CompressionStream", "a port"],
  ["DecompressionStream", "a port"],
]);

/** Other names of the global object. They are also good names for variables: they are refused where a file has no such variable. */
const globalAliases = ["self", "window"];

/**
 * What is pure but for some of its members. It is written with a pure one or not at all, or the others could be reached by another
 * name: `const { random } = Math`.
 */
const partlyPure = new Map([
  ["Math", {
    members: Object.getOwnPropertyNames(Math).filter((name) => name !== "random"),
    instead: "the Random port",
  }],
  ["Date", { members: ["UTC", "parse"], instead: "the Clock port" }],
  ["AbortSignal", { members: ["any", "abort"], instead: "the Clock port" }],
]);

/** The real ports, the simulation's hold on the real event loop, and what only tests use. */
const exemptFolders = ["lib/ports/nats/", "lib/dst/host/", "lib/test_support/"];

const root = new URL("..", import.meta.url).pathname;

/**
 * Tells whether the rule is for this file.
 *
 * @param filename its path, absolute or in the repository
 * @returns true if it may touch the world only through ports
 */
export function isUnderRule(filename: string): boolean {
  const path = filename.replace(/^file:\/\//, "").replace(root, "").replace(/^\.?\//, "");
  if (!path.startsWith("lib/") || exemptFolders.some((folder) => path.startsWith(folder))) {
    return false;
  }
  const name = path.slice(path.lastIndexOf("/") + 1);
  return !/(_test|_bench)\.ts$/.test(name);
}

/** `deno lint` calls this rule `ports/only-through-ports`. */
const plugin: Deno.lint.Plugin = {
  name: "ports",
  rules: {
    "only-through-ports": {
      create(context): Deno.lint.LintVisitor {
        if (!isUnderRule(context.filename)) return {};
        const reported = new Set<number>();
        const report = (node: Deno.lint.Node, what: string, instead: string) => {
          // In `{ fetch }` key and value are two nodes in one place.
          if (reported.has(node.range[0])) return;
          reported.add(node.range[0]);
          context.report({
            node,
            message: `${what} is the world outside; lib/ reaches it only through ports`,
            hint: `use ${instead}, or move this to lib/ports/nats/`,
          });
        };
        const aliases = new AliasUse(report);
        return {
          Identifier: (node) => {
            checkName(node, report);
            aliases.note(node);
          },
          "Program:exit": () => aliases.tell(),
          ImportDeclaration: (node) =>
            checkImport(node, node.source.value, node.importKind === "type", report),
          ExportNamedDeclaration: (node) =>
            checkImport(node, node.source?.value, node.exportKind === "type", report),
          ExportAllDeclaration: (node) =>
            checkImport(node, node.source.value, node.exportKind === "type", report),
          ImportExpression: (node) => {
            const { source } = node;
            if (source.type !== "Literal") {
              return report(node, "import()", "a module that is named");
            }
            checkImport(node, String(source.value), false, report);
          },
        };
      },
    },
  },
};
export default plugin;

type ReportNode = (node: Deno.lint.Node, what: string, instead: string) => void;

function checkName(node: Deno.lint.Identifier, report: ReportNode): void {
  if (isOnlyALabel(node)) return;
  const instead = worldNames.get(node.name);
  if (instead !== undefined) return report(node, node.name, instead);
  const partly = partlyPure.get(node.name);
  if (partly === undefined) return;
  const member = memberOf(node);
  if (member !== undefined && partly.members.includes(member)) return;
  report(node, member === undefined ? node.name : `${node.name}.${member}`, partly.instead);
}

/** What is taken from this object; undefined if it is not said there, or more than that is done with the object. */
function memberOf(object: Deno.lint.Identifier): string | undefined {
  const { parent } = object;
  if (parent.type !== "MemberExpression" || parent.object.range[0] !== object.range[0]) return;
  const { property, computed } = parent;
  if (property.type === "Identifier" && !computed) return property.name;
  return property.type === "Literal" ? String(property.value) : undefined;
}

/** The uses of `self` and `window` in a file, until it is known whether they are variables of its own. */
class AliasUse {
  readonly #report: ReportNode;
  readonly #used: Deno.lint.Identifier[] = [];
  readonly #declared = new Set<string>();

  constructor(report: ReportNode) {
    this.#report = report;
  }

  note(node: Deno.lint.Identifier): void {
    if (!globalAliases.includes(node.name) || isOnlyALabel(node)) return;
    if (isDeclaration(node)) this.#declared.add(node.name);
    else this.#used.push(node);
  }

  tell(): void {
    for (const node of this.#used) {
      if (!this.#declared.has(node.name)) this.#report(node, node.name, "a port");
    }
  }
}

/** Whether a name is given here to a variable or a parameter. */
function isDeclaration(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  const isHere = (other: { readonly range: Deno.lint.Range } | null) =>
    other?.range[0] === node.range[0];
  switch (parent.type) {
    case "VariableDeclarator":
      return isHere(parent.id);
    case "AssignmentPattern":
      return isHere(parent.left);
    case "Property":
      return parent.parent.type === "ObjectPattern" && isHere(parent.value);
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return parent.params.some(isHere);
    default:
      return parent.type === "ArrayPattern" || parent.type === "RestElement";
  }
}

function checkImport(
  node: Deno.lint.Node,
  source: string | undefined,
  typeOnly: boolean,
  report: ReportNode,
): void {
  if (source === undefined) return;
  // A type is no way out; a value is.
  const isWorld = source.startsWith("node:") || source.startsWith("@nats-io/");
  if (isWorld && !typeOnly) report(node, source, "a port (or `import type`)");
}

/** Names that mean something else here: a property's, a type's, or what a module calls its export. */
function isOnlyALabel(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as unknown as Record<string, unknown> & { type: string };
  const is = (field: string) => {
    const other = parent[field] as Deno.lint.Node | undefined;
    return other !== undefined && other !== null && other.range[0] === node.range[0];
  };
  switch (parent.type) {
    case "MemberExpression":
      return parent["computed"] === false && is("property");
    case "Property":
      return parent["computed"] === false && parent["shorthand"] === false && is("key");
    case "MethodDefinition":
    case "PropertyDefinition":
    case "AccessorProperty":
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "TSAbstractMethodDefinition":
    case "TSAbstractPropertyDefinition":
    case "TSEnumMember":
      return parent["computed"] !== true && (is("key") || is("id"));
    case "ImportSpecifier":
      return is("imported") && !is("local");
    case "ExportSpecifier":
      return is("exported") && !is("local");
    default:
      return parent.type.startsWith("TSType") || parent.type === "TSQualifiedName" ||
        parent.type === "TSClassImplements" || parent.type === "TSInterfaceHeritage";
  }
}
