// An ASN: the peer associates it, the operator approves it, and the peer's open page shows that.

import { fact, mark, says, stayed } from "./browser.mjs";
import { look } from "./look.mjs";

/** By the form, after a number that isn't taken: nothing that was typed is lost. */
export async function associate(peer) {
  const { page } = peer;
  await page.goto("/");
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Peer ASNs" }).click();
  await page.getByRole("main").getByRole("link", { name: "Associate an ASN" }).first().click();
  await page.getByLabel(/^Name/).fill("contoso");
  await page.getByLabel(/^ASN/).fill("64512");
  await page.getByLabel(/^Peer name/).fill("Contoso Voice");
  const contact = (n) => page.getByRole("group", { name: `Contact ${n}` });
  await contact(1).getByLabel(/^E-mail/).fill("noc@contoso.example");
  await contact(1).getByLabel(/^Phone/).fill("+31 20 555 0100");
  await page.getByRole("button", { name: "Add a contact" }).click();
  await contact(2).getByLabel(/^Role/).selectOption("Technical");
  await contact(2).getByLabel(/^E-mail/).fill("sbc@contoso.example");
  await contact(2).getByLabel(/^Phone/).fill("+31 20 555 0101");
  await page.getByRole("button", { name: "Associate" }).click();
  await says(page, /RFC 6996/);
  await look(peer, page, "peer-asn-create-refused");
  await page.getByLabel(/^ASN/).fill("AS64510");
  await page.getByRole("button", { name: "Associate" }).click();
  await says(page, "Pending");
  await mark(page);
}

/** First refused without a reason, which a refusal needs. */
export async function approve(operator, peer) {
  const { page } = operator;
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Queue" }).click();
  await page.getByRole("link", { name: "AS64510 as contoso" }).click();
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.locator("#reason-error").waitFor();
  await look(operator, page, "operator-queue-asn");
  await page.getByLabel(/^Reason/).fill("the NOC confirmed it by phone");
  await page.getByRole("button", { name: "Approve" }).click();
  await fact(page, "State").getByText("Approved").waitFor();
  await says(peer.page, "Approved");
  await stayed(peer.page);
}
