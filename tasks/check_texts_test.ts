import assert from "node:assert/strict";
import { checkRepository, checkText } from "./check_texts.ts";

// Put together here, or this file itself would be a finding.
const faults = [
  ["https://registry.npmjs" + ".org/x", "the address of a package registry"],
  ["URIs: http://deb.debian" + ".org/debian", "the address of a package mirror"],
  ["deb http://de.archive.ubuntu" + ".com/ubuntu noble main", "the address of a package mirror"],
  ["const file = '/work" + "/main/x'", "a path of one particular machine"],
  ["cat /root" + "/.cache/x", "a path of one particular machine"],
  ["/home/someone" + "/src", "a path of one particular machine"],
  ["// deno-lint-ignore" + " ports/only-through-ports", "the ports rule switched off"],
  ["// deno-lint-ignore-file" + " no-console ports/x", "the ports rule switched off"],
  ["// deno-lint-ignore-file" + "", "a lint comment that names no rule and so switches all off"],
  ["// deno-lint-ignore" + " -- because", "a lint comment that names no rule"],
];

for (const [text = "", what = ""] of faults) {
  Deno.test(`a forbidden text is found: ${text.replaceAll("/", "|")}`, () => {
    const findings = checkText("x.ts", `harmless\n${text}\n`);
    assert.equal(findings.length, 1);
    assert.equal(findings[0]?.line, 2);
    assert.ok(findings[0]?.what.startsWith(what), findings[0]?.what);
  });
}

const harmless = [
  "https://github.com/nats-io/nats-server",
  "mkdir $HOME/work/x; ls ~/work/; ${root}/work/x; ../work/y",
  "/usr/share/keyrings/debian-archive-keyring.gpg",
  "// deno-lint-ignore no-console -- the user sees this",
  '"npm:commander@15.1.0"',
];

for (const text of harmless) {
  Deno.test(`a harmless text passes: ${text}`, () => {
    assert.deepEqual(checkText("x.ts", text), []);
  });
}

Deno.test("the check goes through tracked and new files, and not through ignored ones", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "parti-texts-test-" });
  const git = (...args: string[]) => {
    const { success } = new Deno.Command("git", { args, cwd: dir, stderr: "null" }).outputSync();
    assert.ok(success, args.join(" "));
  };
  try {
    const fault = "/work" + "/x\n";
    git("init", "--quiet");
    Deno.writeTextFileSync(`${dir}/.gitignore`, "ignored/\n");
    Deno.mkdirSync(`${dir}/ignored`);
    for (const name of ["tracked", "new", "deleted", "ignored/x"]) {
      Deno.writeTextFileSync(`${dir}/${name}`, fault);
    }
    Deno.writeFileSync(`${dir}/binary`, new TextEncoder().encode("\0" + fault));
    git("add", "tracked", "deleted", "binary");
    Deno.removeSync(`${dir}/deleted`);
    const files = (await checkRepository(dir)).map(({ file }) => file);
    assert.deepEqual(files.sort(), ["new", "tracked"]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
