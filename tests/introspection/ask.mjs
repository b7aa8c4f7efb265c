// Asks a daemon about a token, as a server does that has one of these libraries: `ask.mjs PORT ID CREDENTIAL TOKEN`.
// Prints what each was answered.
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const [port, id, credential, token] = process.argv.slice(2);
const server = {
    issuer: `http://127.0.0.1:${port}`,
    introspection_endpoint: `http://127.0.0.1:${port}/v1/introspect`,
};

async function withOauth4webapi() {
    const client = { client_id: id };
    const plain = { [oauth.allowInsecureRequests]: true };
    const basic = oauth.ClientSecretBasic(credential);
    const answer = await oauth.introspectionRequest(server, client, basic, token, plain);
    return oauth.processIntrospectionResponse(server, client, answer);
}

async function withOpenidClient() {
    const config = new openid.Configuration(server, id, {}, openid.ClientSecretBasic(credential));
    openid.allowInsecureRequests(config);
    return openid.tokenIntrospection(config, token);
}

console.log(JSON.stringify([await withOauth4webapi(), await withOpenidClient()]));
