// Serves OpenID Connect for one person: node provider.mjs SETTINGS, a JSON file with port, certificate,
// key, client (id and secret), jwks and person (the claims; "sub" is the account).

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Provider } from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const provider = new Provider(`https://localhost:${settings.port}`, {
  clients: [{
    client_id: settings.client.id,
    client_secret: settings.client.secret,
    application_type: 'native', // RFC 8252 §7.3: any port of the loopback interface
    redirect_uris: ['http://127.0.0.1'],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  jwks: settings.jwks,
  claims: { openid: ['sub'], email: ['email', 'email_verified', 'groups'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['for tests'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ ...settings.person, sub }) }),
});

// The person reads the page and presses the button.
const page = (what) => `<!doctype html><title>${what}</title>
<form method="post"><label>${what} <input name="login" value="${settings.person.sub}"></label>
<button>Continue</button></form>
<script>document.querySelector('button').click()</script>`;

async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page(prompt.name));
    return;
  }
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, {
      login: { accountId: settings.person.sub },
    });
    return;
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope('openid email');
  await provider.interactionFinished(
    request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true },
  );
}

const serve = provider.callback();
const tls = { cert: readFileSync(settings.certificate), key: readFileSync(settings.key) };
createServer(tls, (request, response) => {
  if (!request.url.startsWith('/interaction/')) return serve(request, response);
  return interact(request, response).catch((error) => response.writeHead(500).end(String(error)));
}).listen(settings.port, '127.0.0.1', () => console.log('ready'));
