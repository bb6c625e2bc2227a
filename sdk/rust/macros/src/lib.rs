//! The `#[plugin]` attribute: checks the shape of the author's function and exports it. It generates no logic of its own;
//! everything that happens in a call is in `omega_plugin`, where it can be read and tested.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Error, ItemFn, Result, ReturnType, Signature, spanned::Spanned as _};

/// Makes a function the plugin: `fn name(input) -> Result<output, Refusal>`, or with a second argument `&Call`.
///
/// The function stays an ordinary function, so `omega_plugin::testing` can call it by name on the host. Once per crate.
#[proc_macro_attribute]
pub fn plugin(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(&arguments.into(), item.into()).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(arguments: &Tokens, item: Tokens) -> Result<Tokens> {
    if !arguments.is_empty() {
        return Err(Error::new(arguments.span(), "#[plugin] takes no arguments; the manifest says the rest"));
    }
    let function: ItemFn =
        syn::parse2(item.clone()).map_err(|error| Error::new(error.span(), "#[plugin] goes on a function"))?;
    check(&function.sig)?;
    let name = &function.sig.ident;
    Ok(quote! {
        #item

        // On every target: the types must fit, and the function is in use.
        const _: () = {
            fn fits() {
                ::omega_plugin::__private::fits(#name)
            }
            let _: fn() = fits;
        };

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the exports of the canonical ABI")]
        const _: () = {
            struct Export;
            impl ::omega_plugin::__private::bindings::Guest for Export {
                fn handle(
                    request: ::omega_plugin::__private::bindings::Request,
                ) -> ::core::result::Result<
                    ::omega_plugin::__private::bindings::Outcome,
                    ::omega_plugin::__private::bindings::Refusal,
                > {
                    ::omega_plugin::__private::serve(request, #name)
                }
            }
            ::omega_plugin::__private::bindings::export_plugin!(
                Export with_types_in ::omega_plugin::__private::bindings
            );
        };
    })
}

fn check(signature: &Signature) -> Result<()> {
    if let Some(asyncness) = &signature.asyncness {
        return Err(Error::new(asyncness.span(), "a plugin is called once and answers; it is not async"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(signature.generics.span(), "a plugin has one concrete input type; remove the generics"));
    }
    if !matches!(signature.inputs.len(), 1 | 2) || signature.receiver().is_some() {
        return Err(Error::new(
            signature.span(),
            "a plugin takes its input and, if it wants, `&Call`: fn handle(input: Text) or fn handle(input: Text, call: &Call)",
        ));
    }
    if matches!(signature.output, ReturnType::Default) {
        return Err(Error::new(
            signature.span(),
            "a plugin returns Result<output, Refusal>, where output is Text, Json<T>, BinaryRef or a Reply of these",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(arguments: Tokens, item: Tokens, reason: &str) {
        let error =
            expand(&arguments, item).map(|tokens| tokens.to_string()).expect_err("this function cannot be a plugin");
        assert!(error.to_string().contains(reason), "{error}");
    }

    #[test]
    fn says_why_a_function_cannot_be_a_plugin() {
        let none = Tokens::new;
        check_refused(
            quote!(name = "x"),
            quote!(
                fn f(t: Text) -> R {}
            ),
            "no arguments",
        );
        check_refused(
            none(),
            quote!(
                struct S;
            ),
            "goes on a function",
        );
        check_refused(
            none(),
            quote!(
                async fn f(t: Text) -> R {}
            ),
            "not async",
        );
        check_refused(
            none(),
            quote!(
                fn f<T>(t: T) -> R {}
            ),
            "generics",
        );
        check_refused(
            none(),
            quote!(
                fn f() -> R {}
            ),
            "takes its input",
        );
        check_refused(
            none(),
            quote!(
                fn f(a: A, b: B, c: C) -> R {}
            ),
            "takes its input",
        );
        check_refused(
            none(),
            quote!(
                fn f(&self) -> R {}
            ),
            "takes its input",
        );
        check_refused(
            none(),
            quote!(
                fn f(t: Text) {}
            ),
            "returns Result",
        );
    }

    #[test]
    fn keeps_the_function_and_exports_it_by_name() {
        let item = quote!(
            fn count(t: Text) -> R {
                body()
            }
        );
        let expanded = expand(&Tokens::new(), item.clone()).expect("a plugin").to_string();
        assert!(expanded.starts_with(&item.to_string()), "{expanded}");
        assert!(expanded.contains("serve (request , count)"), "{expanded}");
    }
}
