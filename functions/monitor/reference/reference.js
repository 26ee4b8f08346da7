// Shows /openapi.json; asks no other origin.
const landmarks = ({ React: { createElement, Fragment } }) => ({
  wrapComponents: {
    // A link within a button cannot be reached by keyboard; the button itself leads to the operation's address.
    DeepLink:
      () =>
      ({ text }) =>
        text,
    InfoContainer: (Info) => (given) => createElement("header", { role: "banner" }, createElement(Info, given)),
    operations: (Operations) => (given) =>
      createElement(Fragment, null, createElement("h2", null, "Routes"), createElement(Operations, given)),
  },
});
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  plugins: [landmarks],
});
