//! Enums whose values have a word each, for metrics, logs and `status`: the word stands beside its variant.
//!
//! A macro, and so used without a path: as a derive would be.

/// An enum with `ALL` of its variants, in this order, and `as_str`, the word for each.
macro_rules! labels {
    ($($(#[$of_enum:meta])* $vis:vis enum $name:ident { $($(#[$of_variant:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$of_enum])*
        $vis enum $name { $($(#[$of_variant])* $variant,)+ }

        impl $name {
            /// Every one, so that each can be shown at zero.
            $vis const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// As it is written for people and metrics.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    )+};
}
