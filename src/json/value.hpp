#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// JSON, out of line: what is generic in nlohmann's is instantiated once, in value.cpp.
namespace json {

/// Text that is no JSON, or a value of another kind than it is taken for.
class Error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Value;
struct Field;
using Array = std::vector<Value>;

/// Named values, in the order in which they were added.
class Object {
  public:
    Object();
    Object(std::initializer_list<Field> fields);
    Object(const Object&);
    Object(Object&&) noexcept;
    Object& operator=(const Object&);
    Object& operator=(Object&&) noexcept;
    ~Object();

    /// The value of that name; adds one that is null if there is none.
    Value& operator[](std::string_view name);

    /// The value of that name; one that is null if there is none.
    const Value& get(std::string_view name) const;

    /// Adds fields, in the place of those of the same names.
    void update(const Object& other);

    bool empty() const;
    const Field* begin() const;
    const Field* end() const;

    /// In whichever order.
    bool operator==(const Object& other) const;

  private:
    std::vector<Field> fields_;
};

class Value {
  public:
    Value() noexcept; ///< null
    Value(std::nullopt_t) noexcept;
    template <std::same_as<bool> Boolean>
    Value(Boolean value) noexcept : value_(value) {}
    template <std::integral Integer>
    requires(!std::same_as<Integer, bool>) Value(Integer value)
    noexcept : value_(static_cast<std::int64_t>(value)) {}
    Value(double value) noexcept;
    Value(const char* text);
    Value(std::string_view text);
    Value(std::string text);
    Value(Array items);
    Value(const std::vector<std::string>& texts);
    Value(const std::vector<std::int64_t>& numbers);
    Value(Object object);
    template <typename Content>
    Value(const std::optional<Content>& content) {
        if (content)
            *this = Value(*content);
    }
    Value(const Value&);
    Value(Value&&) noexcept;
    Value& operator=(const Value&);
    Value& operator=(Value&&) noexcept;
    ~Value();

    bool is_null() const;
    bool is_integer() const;
    bool is_array() const;
    bool is_object() const;

    /// \throws Error when it is of another kind.
    bool boolean() const;
    std::int64_t integer() const;
    double number() const; ///< an integer, too
    const std::string& text() const&;
    std::string text() &&;
    std::optional<std::string> optional_text() const; ///< nothing when it is null
    const Array& array() const&;
    Array array() &&;
    std::vector<std::string> texts() const; ///< those of an array
    const Object& object() const&;
    Object object() &&;

    /// \throws Error when it is no array, or has no such item.
    const Value& at(std::size_t index) const;
    /// \throws Error when it is no object, or has no such field.
    const Value& at(std::string_view name) const;

    bool operator==(const Value& other) const;

  private:
    template <typename Content>
    const Content& get(const char* kind) const;

    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;

    friend class Writer;
};

struct Field {
    std::string name;
    Value value;

    bool operator==(const Field&) const = default;
};

/// \throws Error when it is no JSON, or nested deeper than any of ours. An integer that no
/// std::int64_t holds becomes a double.
Value parse(std::string_view text);

/// What becomes of bytes that are no UTF-8.
enum class BadBytes {
    refuse, ///< with an Error
    replace ///< by U+FFFD
};

/// In one line, without spaces.
std::string dump(const Value& value, BadBytes bad = BadBytes::refuse);

} // namespace json
