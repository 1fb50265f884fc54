// Shows the description of this gateway's HTTP interface with Swagger UI, in the reader's colours.

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

SwaggerUIBundle({
  dom_id: "#api",
  url: "/v1/openapi.json",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // a service of others
  persistAuthorization: false, // a token is not left behind in the browser
});
